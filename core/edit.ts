import { AsyncLocalStorage } from "node:async_hooks";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { asOciError, messageOf, OciError } from "./errors.ts";
import { checkClosure } from "./graph.ts";
import type { HookContext, TagContext } from "./hook.ts";
import {
  type ImageIndex,
  insert,
  isUsable,
  withEntries,
  withReference,
} from "./image_index.ts";
import { sameJson } from "./json.ts";
import { loadFacts, noteFacts } from "./layout_file.ts";
import { nameOf } from "./names.ts";
import { put } from "./put.ts";
import { readAll } from "./read.ts";
import { check } from "./schema.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";
import { beginTransaction, type Transaction } from "./transaction.ts";

const inside = new AsyncLocalStorage<Store>();

/**
 * Runs `fn` on the index as it is now and publishes its edits in one swap, all or nothing; again from the start if
 * others were first. What is listed anew is complete, hooks have agreed.
 */
export async function transact<T>(
  store: Store,
  fn: (tx: Transaction) => T | Promise<T>,
): Promise<T> {
  assertWritable(store, "edit the index");
  if (inside.getStore() === store) {
    throw new OciError("invalid", "Cannot begin a transaction inside another one of this layout");
  }
  let result: { value: T; named: readonly Descriptor[] } | undefined;
  const { after } = await store.root.edit((before) =>
    inside.run(store, async () => {
      const tx = beginTransaction(store, before, new Date(await timeOf(store)).toISOString());
      const value = await fn(tx);
      const { index, named } = await runBeforeTag(store, before, tx.index);
      const incomplete = await checkAdded(store, before, index, tx.sparse);
      if (incomplete) await declareSparse(store);
      result = { value, named };
      return index;
    }), store.signal);
  if (result === undefined) throw new Error("an edit resolved without having run");
  await runAfterTag(store, after, result.named);
  return result.value;
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

/** Whether something is missing that may be; throws `not_found` where it may not. */
async function checkAdded(
  store: Store,
  before: ImageIndex,
  after: ImageIndex,
  sparse: boolean,
): Promise<boolean> {
  const listed = new Set(before.manifests.map((entry) => entry?.digest));
  const fresh = added(before, after).filter((entry) => !listed.has(entry.digest));
  if (fresh.length === 0 || store.sparse) return false;
  try {
    for (const entry of fresh) await checkClosure(store, entry, (digest) => listed.has(digest));
    return false;
  } catch (error) {
    const { code } = asOciError(error, "unavailable", "Cannot check what is listed");
    if (code !== "not_found") throw error;
    if (sparse) return true;
    store.sparse = (await loadFacts(store.backend.docs)).sparse === true;
    if (store.sparse) return false;
    throw error;
  }
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
  const named: Descriptor[] = [];
  for (const entry of added(before, after)) {
    if (nameOf(entry) === undefined) continue;
    let current = entry;
    for (const hook of store.hooks) {
      const context: TagContext = {
        ...hookContext(store, before),
        put: async (mediaType, bytes) => (await put(store, { mediaType }, bytes)).descriptor,
        insert: (one) => void (index = insert(index, one)),
        drop: (one) =>
          void (index = withEntries(
            index,
            index.manifests.filter((other) => !sameJson(other, one)),
          )),
      };
      current = await refusable(store, hook.name, entry, () => hook.beforeTag?.(current, context)) ??
        current;
      assertSame(hook.name, entry, current);
    }
    if (current !== entry) {
      const at = index.manifests.indexOf(entry);
      index = at < 0 ? withReference(index, current) : withEntries(
        index,
        index.manifests.map((one) => one === entry ? current : one),
      );
    }
    named.push(current);
  }
  return { index, named };
}

function assertSame(hook: string, before: Descriptor, after: Descriptor): void {
  check(descriptorSchema, after, "invalid", `Cannot use what hook "${hook}" made of the entry`);
  const same = before.digest === after.digest && before.size === after.size &&
    nameOf(before) === nameOf(after);
  if (same) return;
  throw new OciError("invalid", `Cannot use what hook "${hook}" made: it changed digest, size or name`);
}

/** Runs a hook that may refuse: what it throws becomes `refused`, unless it has a code of its own. */
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
      reason: asOciError(error, "refused", "").reason,
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
    await refusable(store, hook.name, entry, () =>
      hook.beforeRead?.(entry, hookContext(store, index)));
  }
}
