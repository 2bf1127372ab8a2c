import {
  canonical,
  type Descriptor,
  descriptorSchema,
  IMAGE_NAME,
  REF_NAME,
} from "./descriptor.ts";
import { isOciError, messageOf, OciError } from "./errors.ts";
import type { HookContext, TagContext } from "./hook.ts";
import type { ImageIndex } from "./image_index.ts";
import { isUsable, listed } from "./index_entries.ts";
import { added, change, insert, without, withReference } from "./index_edits.ts";
import { sameJson } from "./json.ts";
import { nameOf } from "./names.ts";
import { docsBelow } from "./docs.ts";
import { put } from "./put.ts";
import { readAll } from "./read.ts";
import { check } from "./schema.ts";
import { placeOf, type Store } from "./store.ts";
import type { Begun } from "./transaction.ts";

/** What a hook of this name may use; `name` is what was asked for. */
export function hookContext(
  store: Store,
  index: ImageIndex,
  hook: string,
  name?: string,
): HookContext {
  const { url, blobs, docs } = store.backend;
  return {
    url,
    clock: store.clock,
    index,
    docs: docsBelow(docs, `.stowage/${hook}/`),
    blobs: { stat: (digest) => blobs.stat(digest), list: (options) => blobs.list(options) },
    ...(name === undefined ? {} : { name }),
    ...(store.signal ? { signal: store.signal } : {}),
    fetchAll: (digest) => readAll(store, { digest }, { limit: store.limits.manifest }),
    notice: (notice) => store.notice(notice),
  };
}

/** What hooks tie to a node, in one look at the index: each hook has one context for all of it. */
export function hookEdges(
  store: Store,
  index: ImageIndex,
): (node: Descriptor) => Promise<readonly Descriptor[]> {
  const asked = store.hooks.filter((hook) => hook.edges)
    .map((hook) => ({ hook, context: hookContext(store, index, hook.name) }));
  return async (node) => {
    const ties: Descriptor[] = [];
    for (const { hook, context } of asked) ties.push(...await hook.edges?.(node, context) ?? []);
    return ties;
  };
}

/** What the index says once every hook has seen the named entries that are new or set again, and those entries. */
export async function runBeforeTag(
  store: Store,
  before: ImageIndex,
  { index: after, again }: Pick<Begun, "index" | "again">,
) {
  let index = after;
  if (store.hooks.length === 0) return { index, named: [] };
  const named: Descriptor[] = [];
  const still = after === before
    ? again
    : [...again].filter((entry) => listed(after, entry.digest).includes(entry));
  for (const entry of new Set([...added(before, after), ...still])) {
    if (nameOf(entry) === undefined) continue;
    let current = entry;
    for (const hook of store.hooks) {
      const context: TagContext = {
        ...hookContext(store, before, hook.name),
        get edited() {
          return index;
        },
        put: async (mediaType, bytes) => (await put(store, { mediaType }, bytes)).descriptor,
        insert(one) {
          check(descriptorSchema, one, "invalid", `Cannot list what hook "${hook.name}" inserts`);
          index = nameOf(one) === undefined
            ? insert(index, one)
            : withReference(index, canonical(one));
        },
        drop(one) {
          const former = listed(before, one.digest).filter((other) => sameJson(other, one));
          index = without(index, former);
        },
      };
      const made = await refusable(
        store,
        hook.name,
        entry,
        () => hook.beforeTag?.(current, context),
      );
      if (!made) continue;
      assertSame(hook.name, entry, made);
      current = canonical(made);
    }
    // What is as it was is the very entry that stood there, so that nothing is written for it.
    const kept = again.has(current)
      ? current
      : listed(before, current.digest).find((one) => sameJson(one, current)) ?? current;
    if (kept !== entry) index = change(index, { replace: new Map([[entry, kept]]) });
    named.push(current);
  }
  return { index, named };
}

function assertSame(hook: string, before: Descriptor, after: Descriptor): void {
  check(descriptorSchema, after, "invalid", `Cannot use what hook "${hook}" made of the entry`);
  const same = before.digest === after.digest && before.size === after.size &&
    [REF_NAME, IMAGE_NAME].every((name) =>
      before.annotations?.[name] === after.annotations?.[name]
    );
  if (same) return;
  throw new OciError(
    "invalid",
    `Cannot use what hook "${hook}" made: it changed digest, size or name`,
  );
}

/** What a hook throws because the place fails it, not because it refuses. */
const TROUBLE = ["unavailable", "read_only", "locked", "lease_lost", "aborted"] as const;

/** Runs a hook that may refuse: what it throws becomes `refused`, with its reason, unless the place is to blame. */
async function refusable<T>(
  store: Store,
  hook: string,
  entry: Descriptor,
  run: () => T | Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isOciError(error, ...TROUBLE)) throw error;
    const name = nameOf(entry) ?? entry.digest;
    throw new OciError(
      "refused",
      `Cannot use ${JSON.stringify(name)}: ${hook}: ${messageOf(error)}`,
      {
        url: placeOf(store),
        digest: entry.digest,
        ref: name,
        reason: isOciError(error) ? error.reason : undefined,
        cause: error,
      },
    );
  }
}

/** Tells the hooks of names that were set; what they throw is a notice. */
export async function runAfterTag(
  store: Store,
  index: ImageIndex,
  named: readonly Descriptor[],
): Promise<void> {
  for (const entry of named) {
    for (const hook of store.hooks) {
      try {
        await hook.afterTag?.(entry, hookContext(store, index, hook.name));
      } catch (error) {
        const message = `Hook "${hook.name}" failed after the name was set: ${messageOf(error)}`;
        store.notice({ code: "hook_failed", message, digest: entry.digest });
      }
    }
  }
}

/** Asks the hooks whether what a name resolved to may be read, or an entry without a name; throws `refused`. */
export async function runBeforeRead(
  store: Store,
  index: ImageIndex,
  entry: Descriptor,
  name: string | undefined = nameOf(entry),
): Promise<void> {
  if (!isUsable(entry)) return;
  for (const hook of store.hooks) {
    await refusable(
      store,
      hook.name,
      entry,
      () => hook.beforeRead?.(entry, hookContext(store, index, hook.name, name)),
    );
  }
}
