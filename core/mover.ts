import type { BlobInfo } from "./backend.ts";
import { annotated, type Descriptor, type Platform } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { declareSparse } from "./edit.ts";
import type { Meter } from "./events.ts";
import type { ImageIndex } from "./image_index.ts";
import { type Edge, isExternal, kindOf, leadsToNode, parseNode, UNKNOWN_SIZE } from "./manifest.ts";
import { selectChildren } from "./platform_index.ts";
import { adoptPresent, put } from "./put.ts";
import { embeddedData, read, readAll, verifier } from "./read.ts";
import { placeOf, type Store } from "./store.ts";
import { writeBlob } from "./writer.ts";

/** From this size on a blob is written under a name, so that another try goes on where this one stopped. */
const NAMED_FROM = 16 << 20;

/** How a graph is moved. */
export interface MoveOptions {
  /** Check what the target lists: by size, or by hash; default: what is listed is in place with all below it. */
  readonly deep?: boolean | "verify";
  /** Leave out what is missing, or not wanted, and declare the target sparse. */
  readonly sparse?: boolean;
  /** Also layers that may be had elsewhere. */
  readonly includeExternal?: boolean;
  /** Blobs at once; default 4. */
  readonly jobs?: number;
  /** What it declines is left out; needs `sparse` if a child goes missing by it. */
  readonly filter?: (node: Descriptor) => boolean | Promise<boolean>;
  /** Told of each blob that is in place. What it throws stops the copy. */
  readonly onNode?: (node: Descriptor) => void | Promise<void>;
}

/** Moves graphs from one layout to another: children before parents, a digest once. */
export interface Mover {
  /** Brings a node or leaf with all below it. */
  bring(target: Descriptor): Promise<void>;
  /** Brings the children of an index that run on these platforms, and the index: a new one, or itself if sparse. */
  bringPlatforms(root: Descriptor, platforms: readonly Platform[]): Promise<Descriptor>;
  /** The manifests and indexes that were met. */
  readonly nodes: ReadonlySet<Digest>;
  /** What was left out, and what was not there to be brought. */
  readonly leftOut: readonly Digest[];
  readonly missing: readonly Digest[];
}

/** A mover between two layouts; `listed` answers whether the target lists a digest. */
export function createMover(
  from: Store,
  to: Store,
  target: ImageIndex,
  meter: Meter,
  options: MoveOptions,
): Mover {
  const { deep = false, sparse = false, includeExternal = false, filter, onNode } = options;
  const listed = new Set(target.manifests.map((entry) => entry?.digest));
  const brought = new Map<string, Promise<void>>();
  const nodes = new Set<Digest>();
  const leftOut: Digest[] = [];
  const missing: Digest[] = [];
  const gate = semaphore(options.jobs ?? 4);
  const samePlace = from.backend.url.href === to.backend.url.href;

  function once(target: Descriptor, opens: boolean): Promise<void> {
    const key = `${opens} ${target.digest}`;
    let done = brought.get(key);
    if (!done) brought.set(key, done = opens ? bringNode(target) : bringLeaf(target));
    return done;
  }

  async function declined(target: Descriptor): Promise<boolean> {
    if (!filter || await filter(target)) return false;
    if (!sparse) {
      throw new OciError(
        "not_found",
        `Cannot leave out ${target.digest}: what points at it would be incomplete`,
        { url: placeOf(to), digest: target.digest },
      );
    }
    return await omit(target, leftOut);
  }

  async function omit(target: Descriptor, list: Digest[]): Promise<true> {
    list.push(target.digest);
    if (!to.sparse) await declareSparse(to);
    return true;
  }

  async function bringNode(target: Descriptor): Promise<void> {
    if (await declined(target)) return;
    nodes.add(target.digest);
    if (samePlace || (!deep && listed.has(target.digest))) return await skip(target);
    const bytes = await gate(() => source(target, () => readNodeBytes(target)));
    if (!bytes) return;
    const node = await at(from, target.digest, () => parseNode(bytes, target.mediaType));
    await bringEdges(node.edges);
    await gate(() => store(target, bytes));
  }

  function readNodeBytes(target: Descriptor): Promise<Uint8Array> {
    return readAll(from, target, { limit: from.limits.manifest });
  }

  async function bringEdges(edges: readonly Edge[]): Promise<void> {
    await settleAll(edges.map((edge) => once(edge.target, leadsToNode(edge))));
  }

  async function bringLeaf(target: Descriptor): Promise<void> {
    if (await declined(target)) return;
    if (samePlace) return await skip(target);
    await gate(async () => {
      from.signal?.throwIfAborted();
      if (await present(target)) return await skip(target);
      if (isExternal(target) && !includeExternal) return void leftOut.push(target.digest);
      const size = target.size === UNKNOWN_SIZE
        ? (await from.backend.blobs.stat(target.digest))?.size
        : target.size;
      if (size !== undefined && await adopted({ digest: target.digest, size })) {
        meter.meet(size);
        meter.settle(target.digest, size, "adopted");
        return await onNode?.(target);
      }
      const stream = await source(target, () => read(from, target, { verify: false }));
      if (stream) await store(size === undefined ? target : { ...target, size }, stream);
    });
  }

  /** Whether the target has it; with `deep: "verify"` also whether its bytes are right. */
  async function present(target: Descriptor): Promise<boolean> {
    const { digest, size } = target;
    const there = await adoptPresent(to, size === UNKNOWN_SIZE ? { digest } : { digest, size });
    if (!there || deep !== "verify") return there !== undefined;
    try {
      const bytes = await to.backend.blobs.read(digest);
      await bytes.pipeThrough(verifier(digest, there.size)).pipeTo(new WritableStream());
      return true;
    } catch (error) {
      if (!isOciError(error, "corrupt")) throw error;
      to.notice({ code: "damaged", message: `Replacing ${digest}: ${error.message}`, digest });
      await to.backend.blobs.delete([there]);
      to.stamps.delete(digest);
      return false;
    }
  }

  async function adopted(blob: BlobInfo): Promise<boolean> {
    const { epoch } = to.root;
    const taken = await to.backend.blobs.adopt?.(from.backend.url, blob) ?? false;
    if (taken) to.stamps.set(blob, epoch);
    return taken;
  }

  /** Bytes from the source; nothing where they are missing and may be. */
  async function source<T>(target: Descriptor, get: () => Promise<T>): Promise<T | Uint8Array | undefined> {
    try {
      return await at(from, target.digest, get);
    } catch (error) {
      if (!isOciError(error, "not_found")) throw error;
      const data = embeddedData(target);
      if (data) return data;
      if (isExternal(target)) return void leftOut.push(target.digest);
      if (!sparse) throw error;
      await omit(target, missing);
      return undefined;
    }
  }

  async function store(target: Descriptor, bytes: Uint8Array | ReadableStream<Uint8Array>) {
    const { digest, mediaType } = target;
    const expect = target.size === UNKNOWN_SIZE ? { digest } : { digest, size: target.size };
    const total = expect.size ?? 0;
    meter.meet(total);
    const onBytes = (done: number) => meter.moving(digest, done, total);
    const { existed, resumed, size } = await at(to, digest, async () => {
      if (total >= NAMED_FROM) {
        return await writeBlob(to, bytes, { ref: `copy/${digest}`, expect, wait: to.wait, onBytes });
      }
      const pushed = await put(to, { ...expect, mediaType }, bytes, onBytes);
      return { existed: pushed.existed, resumed: 0, size: pushed.descriptor.size };
    });
    meter.settle(digest, size, existed ? "skipped" : "done", resumed);
    await onNode?.(target);
  }

  async function skip(target: Descriptor): Promise<void> {
    meter.meet(target.size);
    meter.settle(target.digest, target.size, "skipped");
    await onNode?.(target);
  }

  return {
    nodes,
    leftOut,
    missing,
    bring: (target) => once(target, kindOf(target.mediaType) !== undefined),
    async bringPlatforms(root, platforms) {
      const bytes = await at(from, root.digest, () => readNodeBytes(root));
      const chosen = selectChildren(parseNode(bytes, root.mediaType), platforms, root.digest);
      await bringEdges(chosen.edges);
      nodes.add(root.digest);
      if (sparse) {
        leftOut.push(...chosen.leftOut);
        if (!to.sparse && chosen.leftOut.length > 0) await declareSparse(to);
        await store(root, bytes);
        return root;
      }
      const { descriptor } = await put(to, { mediaType: root.mediaType }, chosen.bytes);
      nodes.add(descriptor.digest);
      meter.meet(descriptor.size);
      meter.settle(descriptor.digest, descriptor.size, "done");
      const { data: _, ...rest } = root;
      return annotated({ ...rest, digest: descriptor.digest, size: descriptor.size } as Descriptor, {});
    },
  };
}

/** Waits for all, so that nothing runs on behind an error; throws the first. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
}

/** Errors of one side, with its place and the blob. */
async function at<T>(store: Store, digest: Digest, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isOciError(error) || error.url !== undefined) throw error;
    const { code, message, reason, ref } = error;
    throw new OciError(code, message, {
      url: placeOf(store),
      digest: error.digest ?? digest,
      reason,
      ref,
      cause: error,
    });
  }
}

/** Runs at most `most` at once. */
function semaphore(most: number): <T>(act: () => Promise<T>) => Promise<T> {
  let free = most;
  const waiting: (() => void)[] = [];
  return async (act) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
