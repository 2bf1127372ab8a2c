import type { BlobInfo } from "./backend.ts";
import { randomHex } from "./clock.ts";
import { type CascadeOptions, type DeletePlan, planDeletion } from "./delete_plan.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { assertOutside } from "./edit.ts";
import { OciError } from "./errors.ts";
import { fenced, isCollecting } from "./fence.ts";
import type { ImageIndex } from "./image_index.ts";
import { listed } from "./index_entries.ts";
import { without } from "./index_edits.ts";
import { dropLabels } from "./labels.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";

/** How a blob is deleted. */
export interface DeleteOptions extends CascadeOptions {
  /** Delete it although something that stays needs it. */
  readonly force?: boolean;
  /** Not stored counts as success. */
  readonly ignoreMissing?: boolean;
}

/** What a deletion did. */
export interface DeleteReport {
  /** The entries that left the index. */
  readonly entries: readonly Descriptor[];
  /** The blobs whose bytes are gone; none while a collection is under way, which takes them. */
  readonly blobs: readonly BlobInfo[];
}

/**
 * Deletes a blob: its entries first, by a swap that fences other writers, then the copies that were seen before it.
 *
 * @throws {OciError} `not_found`; `refused` where something that stays needs it, or a named referrer would lose it.
 */
export async function deleteBlob(
  store: Store,
  digest: Digest,
  options: DeleteOptions = {},
): Promise<DeleteReport> {
  assertWritable(store, "delete a blob");
  assertOutside(store);
  parseDigest(digest);
  if (!store.backend.blobs.renew) {
    throw new OciError("unsupported", "Cannot delete here: the store cannot tell copies apart", {
      url: placeOf(store),
    });
  }
  let plan: DeletePlan = { entries: [], blobs: [], objections: [] };
  await store.root.edit(async (index) => {
    plan = await planOf(store, index, digest, options);
    const left = without(index, plan.entries);
    return plan.blobs.length === 0 ? left : fenced(left, randomHex(store.clock, 16));
  }, store.signal);
  for (const reason of plan.objections) {
    store.notice({ code: "forced", message: `Deleted ${digest} although ${reason}`, digest });
  }
  const removed = plan.blobs.length === 0 ? [] : await remove(store, plan.blobs);
  await dropLabels(store, removed.map((blob) => blob.digest));
  return { entries: plan.entries, blobs: removed };
}

async function planOf(
  store: Store,
  index: ImageIndex,
  digest: Digest,
  { force = false, ignoreMissing = false, ...options }: DeleteOptions,
): Promise<DeletePlan> {
  const url = placeOf(store);
  const stored = await store.backend.blobs.stat(digest);
  if (!stored && !ignoreMissing) {
    throw new OciError("not_found", `Cannot delete "${digest}": it is not stored`, { url, digest });
  }
  if (!stored) {
    return { entries: listed(index, digest), blobs: [], objections: [] };
  }
  const plan = await planDeletion(store, index, stored, options);
  const [reason] = plan.objections;
  if (reason && !force) {
    throw new OciError("refused", `Cannot delete "${digest}": ${reason}`, { url, digest });
  }
  // A collection that has condemned what nobody reaches takes the bytes as well; its epoch is not to be moved on.
  return isCollecting(index) ? { ...plan, blobs: [] } : plan;
}

async function remove(store: Store, seen: readonly BlobInfo[]): Promise<BlobInfo[]> {
  const batch = `delete-${randomHex(store.clock, 8)}`;
  const answers = await store.backend.blobs.delete(seen, { batch });
  const failed = answers.find(({ outcome }) => outcome === "failed" || outcome === "unknown");
  for (const { digest } of answers) store.stamps.delete(digest);
  if (failed) {
    throw new OciError(
      "unavailable",
      `Cannot delete "${failed.digest}": its entries are gone, its bytes are left to a collection`,
      { url: placeOf(store), digest: failed.digest, cause: failed.error },
    );
  }
  return seen.filter((_, at) => answers[at]?.outcome === "removed");
}
