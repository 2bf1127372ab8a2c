import {
  type BlobInfo,
  type Digest,
  digestOf,
  isOciError,
  type Node,
  parseNode,
  readAll,
  type Skip,
  splitDigest,
  type Store,
  writableAlgorithm,
} from "../../core/mod.ts";
import { type Candidates, createCandidates } from "./candidates.ts";
import type { Mark } from "./mark.ts";
import { thrift } from "./thrift.ts";
import type { Weak } from "./weak.ts";

/** A referrer that nothing lists is looked for in blobs of up to this size, and no smaller than what can hold a digest. */
const SMALL = 64 << 10;
const SMALLEST = '{"fsLayers":[{"blobSum":"sha256:"}]}'.length + 64;
/** Blobs opened at once. */
const AT_ONCE = 64;

/** What is stored and not marked. */
export interface Unmarked {
  /** Old enough to go. */
  readonly old: Candidates;
  readonly young: Candidates;
  /** Blobs of algorithms that are not ours to judge. */
  readonly foreign: number;
  /** Manifests with a subject. */
  readonly referrers: readonly Weak[];
}

/** All blobs that were not reached, nodes and leaves, and the referrers among them; `before` is what counts as old. */
export async function lookThrough(store: Store, { live }: Mark, before: number): Promise<Unmarked> {
  const [old, young] = [createCandidates(), createCandidates()];
  const referrers: Weak[] = [];
  let [looks, foreign] = [0, 0];
  let batch: BlobInfo[] = [];
  const note = (blob: BlobInfo, node: boolean) => {
    const isOld = blob.modified !== undefined && blob.modified.getTime() < before;
    (isOld ? old : young).add({ blob, node });
  };
  const open = async (blob: BlobInfo) => {
    const node = await smallNode(store, blob);
    if (node?.subject) {
      const { digest, size } = blob;
      const target = { mediaType: node.mediaType, digest, size };
      referrers.push({ target, listed: false, subject: node.subject.digest });
    }
    note(blob, node !== undefined);
  };
  const skip: Skip = Object.assign((digest: Digest) => live.has(digest), { hex: live.hasHex });
  for await (const blob of store.backend.blobs.list({ skip })) {
    if (++looks % AT_ONCE === 0) thrift();
    if (!/^sha(256|512)$/.test(splitDigest(blob.digest).algorithm)) foreign++;
    else if (blob.size > SMALL || blob.size < SMALLEST) note(blob, false);
    else batch.push(blob);
    // Begun together, so that none fails while nobody waits for it.
    if (batch.length === AT_ONCE) batch = (await Promise.all(batch.map(open)), []);
  }
  await Promise.all(batch.map(open));
  return { old, young, foreign, referrers };
}

/** A stored blob that reads as a manifest; one that does not is garbage like any other. */
async function smallNode(store: Store, { digest, size }: BlobInfo): Promise<Node | undefined> {
  try {
    const bytes = await readAll(store, { digest, size }, { limit: SMALL, verify: false });
    if (bytes[0] !== 0x7b) return undefined;
    const node = parseNode(bytes);
    return digestOf(bytes, writableAlgorithm(digest)) === digest ? node : undefined;
  } catch (error) {
    if (isOciError(error, "invalid", "corrupt", "not_found")) return undefined;
    throw error;
  }
}
