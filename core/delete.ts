import type { BlobInfo } from "./backend.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { fenced } from "./fence.ts";
import { pathOf, walkGraph } from "./graph.ts";
import { type ImageIndex, isUsable, usable, withEntries } from "./image_index.ts";
import { dropLabels } from "./labels.ts";
import { isDigestTag, nameOf } from "./names.ts";
import { listedReferrers } from "./referrers.ts";
import { randomHex } from "./clock.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";

/** How a blob is deleted. */
export interface DeleteOptions {
  /** Also its untagged referrers, and all below it that nothing else keeps; default true. */
  readonly cascade?: boolean;
  /** Which referrers go along: untagged ones (a named one refuses), all, or none; default `untagged`. */
  readonly referrers?: "untagged" | "all" | "keep";
  /** Delete it although something that stays needs it. */
  readonly force?: boolean;
  /** Not stored counts as success. */
  readonly ignoreMissing?: boolean;
}

/** What a deletion did. */
export interface DeleteReport {
  /** The entries that left the index. */
  readonly entries: readonly Descriptor[];
  /** The blobs whose bytes are gone. */
  readonly blobs: readonly BlobInfo[];
}

/**
 * Deletes a blob: its entries first, by a swap that fences other writers, then the copies that were seen before it.
 *
 * @throws {OciError} `not_found`; `refused` where something that stays needs it, or a named referrer would go.
 */
export async function deleteBlob(
  store: Store,
  digest: Digest,
  options: DeleteOptions = {},
): Promise<DeleteReport> {
  assertWritable(store, "delete a blob");
  parseDigest(digest);
  if (!store.backend.blobs.renew) {
    throw new OciError("unsupported", "Cannot delete here: the store cannot tell copies apart", {
      url: placeOf(store),
    });
  }
  let plan: Plan = { entries: [], blobs: [] };
  await store.root.edit(async (index) => {
    plan = await planDeletion(store, index, digest, options);
    const gone = new Set(plan.entries);
    const left = withEntries(index, index.manifests.filter((entry) => !gone.has(entry)));
    return plan.blobs.length === 0 ? left : fenced(left, "done", randomHex(store.clock, 16));
  }, store.signal);
  const removed = await remove(store, plan.blobs);
  await dropLabels(store, removed.map((blob) => blob.digest));
  return { entries: plan.entries, blobs: removed };
}

interface Plan {
  readonly entries: readonly Descriptor[];
  /** Parents before children. */
  readonly blobs: readonly BlobInfo[];
}

async function planDeletion(
  store: Store,
  index: ImageIndex,
  digest: Digest,
  { cascade = true, referrers = "untagged", force = false, ignoreMissing = false }: DeleteOptions,
): Promise<Plan> {
  const own = index.manifests.filter((entry) => entry?.digest === digest);
  const stored = await store.backend.blobs.stat(digest);
  if (!stored) {
    if (ignoreMissing) return { entries: own, blobs: [] };
    throw new OciError("not_found", `Cannot delete "${digest}": it is not stored`, {
      url: placeOf(store),
      digest,
    });
  }
  const doomed = cascade
    ? await withDependents(store, index, own.filter(isUsable), digest, referrers)
    : new Set(own);
  const kept = usable(index).filter((entry) => !doomed.has(entry));
  const needed = new Set<Digest>();
  for await (const visit of walkGraph(store, kept, { sparse: true })) {
    if (visit.target.digest === digest && !force) {
      throw new OciError(
        "refused",
        `Cannot delete "${digest}": ${pathOf(visit).join(" > ")} needs it`,
        { url: placeOf(store), digest },
      );
    }
    needed.add(visit.target.digest);
  }
  if (needed.has(digest)) {
    const message = `Deleting ${digest} although something that stays needs it`;
    store.notice({ code: "forced", message, digest });
  }
  const reached = cascade
    ? await below(store, [...doomed])
    : new Set<Digest>();
  const gone = [...new Set([digest, ...reached])].filter((one) => one === digest || !needed.has(one));
  const blobs = await Promise.all(gone.map((one) => store.backend.blobs.stat(one)));
  return {
    entries: index.manifests.filter((entry) =>
      doomed.has(entry) && (entry.digest === digest || !needed.has(entry.digest))
    ),
    blobs: blobs.filter((blob) => blob !== undefined),
  };
}

/** The entries that live and die with `digest`: its own, its referrers', and untagged children's, in turn. */
async function withDependents(
  store: Store,
  index: ImageIndex,
  own: readonly Descriptor[],
  digest: Digest,
  referrers: "untagged" | "all" | "keep",
): Promise<Set<Descriptor>> {
  const doomed = new Set(own);
  const ties = referrers === "keep" ? [] : await Array.fromAsync(listedReferrers(store, index));
  while (true) {
    const { size } = doomed;
    const gone = await below(store, [...doomed]);
    gone.add(digest);
    for (const { entry, subject } of ties) {
      const name = nameOf(entry);
      if (!gone.has(subject as Digest) || doomed.has(entry)) continue;
      if (name !== undefined && !isDigestTag(name) && referrers !== "all") {
        throw new OciError("refused", `Cannot delete "${digest}": "${name}" refers to it`, {
          url: placeOf(store),
          digest,
          ref: name,
        });
      }
      doomed.add(entry);
    }
    for (const entry of usable(index)) {
      if (nameOf(entry) === undefined && gone.has(entry.digest)) doomed.add(entry);
    }
    if (doomed.size === size) return doomed;
  }
}

/** What these entries reach; what cannot be read reaches nothing. */
async function below(store: Store, entries: readonly Descriptor[]): Promise<Set<Digest>> {
  const found = new Set<Digest>();
  for (const entry of entries) {
    try {
      for await (const { target } of walkGraph(store, [entry], { sparse: true })) {
        found.add(target.digest);
      }
    } catch (error) {
      if (!isOciError(error, "corrupt", "size_exceeded")) throw error;
      found.add(entry.digest);
    }
  }
  return found;
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
