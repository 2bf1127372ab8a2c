import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { INDEX_TYPE } from "./image_index.ts";
import { isUsable, named } from "./index_entries.ts";
import { put } from "./put.ts";
import { readNode } from "./read.ts";
import { digestTag } from "./referrers.ts";
import type { Store } from "./store.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Adds a referrer to the index that is tagged with its subject's digest, for tools and registries that look there. One
 * that is missing is made only if `make` says so; what it lists but is not stored is dropped from it.
 */
export async function listByTag(
  store: Store,
  tx: Transaction,
  subject: Digest,
  referrer: Descriptor,
  make: boolean,
): Promise<void> {
  const name = digestTag(subject);
  const entry = named(tx.index, name).find(isUsable);
  if (entry === undefined && !make) return;
  const node = entry && await readNode(store, entry);
  if (node && node.kind !== "index") return;
  const listed: Descriptor[] = [];
  for (const { target } of node?.edges ?? []) {
    if (target.digest === referrer.digest) return;
    if (await store.backend.blobs.stat(target.digest)) listed.push(target);
  }
  const json = {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    ...node?.json,
    manifests: [...listed, referrer],
  };
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  const { descriptor } = await put(store, { mediaType: entry?.mediaType ?? INDEX_TYPE }, bytes);
  await tx.tag(descriptor, name);
}
