import { AsyncLocalStorage } from "node:async_hooks";
import {
  canonical,
  type Descriptor,
  descriptorSchema,
  IMAGE_NAME,
  REF_NAME,
} from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { isOciError, messageOf, OciError } from "./errors.ts";
import { checkClosure } from "./closure.ts";
import type { HookContext, TagContext } from "./hook.ts";
import { entriesOf, type ImageIndex, insert, isUsable, withEntries } from "./image_index.ts";
import { sameJson } from "./json.ts";
import { loadFacts, noteFacts } from "./layout_file.ts";
import { nameOf } from "./names.ts";
import { put } from "./put.ts";
import { readAll } from "./read.ts";
import { check } from "./schema.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";
import { beginTransaction, type Transaction } from "./transaction.ts";

/** The layouts whose transactions the running code is part of. */
const inside = new AsyncLocalStorage<readonly Store[]>();

/**
 * Runs `fn` on the index as it is now and publishes its edits in one swap, all or nothing; again from the start if
 * others were first. What is listed anew is complete, hooks have agreed.
 */
export async function transact<T>(
  store: Store,
  fn: (tx: Transaction) => T | Promise<T>,
): Promise<T> {
  assertWritable(store, "edit the index");
  const outer = assertOutside(store);
  let result: { value: T; named: readonly Descriptor[] } | undefined;
  // Whoever edits first runs the edits of all who wait: each in the context of its own caller.
  const here = AsyncLocalStorage.snapshot();
  const { after } = await store.root.edit(
    (before) =>
      here(() =>
        inside.run([...outer, store], async () => {
          const tx = beginTransaction(store, before, new Date(await timeOf(store)).toISOString());
          const value = await fn(tx);
          const { index, named } = await runBeforeTag(store, before, tx.index);
          const incomplete = await checkAdded(store, before, index, tx.sparse);
          if (incomplete) await declareSparse(store);
          result = { value, named };
          return withEntries(before, index.manifests);
        })
      ),
    store.signal,
  );
  if (result === undefined) throw new Error("an edit resolved without having run");
  await runAfterTag(store, after, result.named);
  return result.value;
}

/** Throws `invalid` inside a transaction of this layout, which would wait for itself; gives those of other layouts. */
export function assertOutside(store: Store): readonly Store[] {
  const outer = inside.getStore() ?? [];
  if (!outer.includes(store)) return outer;
  throw new OciError("invalid", "Cannot begin a transaction inside another one of this layout");
}

/** The store's clock, in milliseconds. */
export async function timeOf({ backend, clock }: Store): Promise<number> {
  return backend.now ? (await backend.now()).getTime() : clock.now();
}

/** The entries that are there now and were not before. */
function added(before: ImageIndex, after: ImageIndex): Descriptor[] {
  const former = new Set(before.manifests);
  return after.manifests.filter((entry) => !former.has(entry)).filter(isUsable);
}

/**
 * Makes sure of all that is listed anew, so that no collector takes it. Whether something is missing, and is accepted
 * for the first time; throws `not_found` where it is not accepted.
 */
async function checkAdded(
  store: Store,
  before: ImageIndex,
  after: ImageIndex,
  sparse: boolean,
): Promise<boolean> {
  let listed: Map<Digest, Descriptor[]> | undefined;
  const isListed = (digest: Digest) => {
    listed ??= Map.groupBy(before.manifests, (entry) => entry?.digest);
    return listed.get(digest)?.some(isUsable) ?? false;
  };
  let incomplete = false;
  for (const entry of added(before, after)) {
    const same = ({ mediaType, size }: Descriptor) =>
      mediaType === entry.mediaType && size === entry.size;
    if (entriesOf(before, entry.digest).some(same)) continue;
    try {
      await checkClosure(store, entry, isListed);
    } catch (error) {
      if (!isOciError(error, "not_found")) throw error;
      store.sparse ||= (await loadFacts(store.backend.docs)).sparse === true;
      if (!store.sparse && !sparse) throw error;
      incomplete ||= !store.sparse;
    }
  }
  return incomplete;
}

/** Declares that children may be missing from this layout. */
export async function declareSparse(store: Store): Promise<void> {
  await noteFacts(store.backend.docs, { sparse: true }, store);
  store.sparse = true;
}

/** What hooks may use. */
export function hookContext(store: Store, index: ImageIndex): HookContext {
  return {
    url: store.backend.url,
    clock: store.clock,
    index,
    ...(store.signal ? { signal: store.signal } : {}),
    fetchAll: (digest) => readAll(store, { digest }, { limit: store.limits.manifest }),
    notice: (notice) => store.notice(notice),
  };
}

async function runBeforeTag(store: Store, before: ImageIndex, after: ImageIndex) {
  let index = after;
  if (store.hooks.length === 0) return { index, named: [] };
  const former = new Set(before.manifests);
  const named: Descriptor[] = [];
  for (const entry of added(before, after)) {
    if (nameOf(entry) === undefined) continue;
    let current = entry;
    for (const hook of store.hooks) {
      const context: TagContext = {
        ...hookContext(store, before),
        put: async (mediaType, bytes) => (await put(store, { mediaType }, bytes)).descriptor,
        insert(one) {
          check(descriptorSchema, one, "invalid", `Cannot list what hook "${hook.name}" inserts`);
          index = insert(index, one);
        },
        drop(one) {
          const stays = (other: Descriptor) => !former.has(other) || !sameJson(other, one);
          index = withEntries(index, index.manifests.filter(stays));
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
    if (current !== entry) {
      index = withEntries(index, index.manifests.map((one) => one === entry ? current : one));
    }
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

/** Runs a hook that may refuse: what it throws becomes `refused`, with its reason. */
async function refusable<T>(
  store: Store,
  hook: string,
  entry: Descriptor,
  run: () => T | Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const name = nameOf(entry) ?? entry.digest;
    throw new OciError("refused", `Cannot use "${name}": ${hook}: ${messageOf(error)}`, {
      url: placeOf(store),
      digest: entry.digest,
      ref: name,
      reason: isOciError(error) ? error.reason : undefined,
      cause: error,
    });
  }
}

async function runAfterTag(
  store: Store,
  index: ImageIndex,
  named: readonly Descriptor[],
): Promise<void> {
  for (const entry of named) {
    for (const hook of store.hooks) {
      try {
        await hook.afterTag?.(entry, hookContext(store, index));
      } catch (error) {
        const message = `Hook "${hook.name}" failed after the name was set: ${messageOf(error)}`;
        store.notice({ code: "hook_failed", message, digest: entry.digest });
      }
    }
  }
}

/** Asks the hooks whether what a name resolved to may be read; throws `refused`. */
export async function runBeforeRead(
  store: Store,
  index: ImageIndex,
  entry: Descriptor,
): Promise<void> {
  if (!isUsable(entry)) return;
  for (const hook of store.hooks) {
    await refusable(
      store,
      hook.name,
      entry,
      () => hook.beforeRead?.(entry, hookContext(store, index)),
    );
  }
}
