import {
  type Descriptor,
  type Digest,
  isExternal,
  isOciError,
  isSparse,
  kindOfVisit,
  messageOf,
  type OciError,
  pathOf,
  type Store,
  UNKNOWN_SIZE,
  type Visit,
  walkGraph,
} from "../../../core/mod.ts";
import type { Faults } from "./faults.ts";
import { isSound } from "./sound.ts";

/** What the roots reach. */
export interface Survey {
  /** Manifests and indexes, read and verified, with their sizes. */
  readonly nodes: ReadonlyMap<Digest, number>;
  /** What else is there, its bytes not read yet, with its size. */
  readonly leaves: ReadonlyMap<Digest, number>;
  /** Not stored, and allowed to be. */
  readonly missing: ReadonlySet<Digest>;
}

/** How a survey is made. */
export interface SurveyOptions {
  readonly faults: Faults;
  /** Sizes of what is stored, where all of it was listed. */
  readonly stored?: ReadonlyMap<Digest, number> | undefined;
  /** Whether a blob that cannot be read just now is a fault like others. */
  readonly keepGoing: boolean;
}

/** Walks all that the roots reach: manifests are read, of all else presence and size are compared. */
export async function survey(
  store: Store,
  roots: readonly Descriptor[],
  { faults, stored, keepGoing }: SurveyOptions,
): Promise<Survey> {
  const nodes = new Map<Digest, number>();
  const leaves = new Map<Digest, number>();
  const missing = new Set<Digest>();

  async function sizeOf(digest: Digest): Promise<number | undefined> {
    return stored?.get(digest) ?? leaves.get(digest) ??
      (await store.backend.blobs.stat(digest))?.size;
  }

  /** Judges one mention of a blob; what cannot be one, as a link in an archive, is a fault like others. */
  async function mention(visit: Visit): Promise<void> {
    try {
      await judge(visit);
    } catch (error) {
      if (!isOciError(error, "unsupported")) throw error;
      const { code } = error;
      const { digest } = visit.target;
      await faults.report({ digest, code, message: reasonOf(error), path: pathOf(visit) });
    }
  }

  /** Each parent states a size. */
  async function judge(visit: Visit): Promise<void> {
    const { target } = visit;
    const { digest, size } = target;
    const there = await sizeOf(digest);
    const absent = there === undefined;
    if (absent && isExternal(target)) return;
    if (absent && await isSparse(store)) return void missing.add(digest);
    const right = !absent && (there === size || size === UNKNOWN_SIZE);
    const why = absent ? "missing" : `it has ${there} bytes, not ${size}`;
    const sound = right ||
      await faults.report({
        digest,
        code: absent ? "not_found" : "corrupt",
        message: why,
        path: pathOf(visit),
      });
    const leaf = kindOfVisit(visit) === undefined;
    if (sound && (leaf || target.data !== undefined)) leaves.set(digest, right ? there : size);
  }

  /** Judges a manifest that is there and cannot be read; true once it can. */
  async function onBroken(visit: Visit, error: OciError): Promise<boolean> {
    const { digest } = visit.target;
    const { code } = error;
    if (faults.has(digest)) return false;
    if (code === "unsupported") {
      faults.warn({ code, message: error.message, digest });
      return false;
    }
    const wrong = isOciError(error, "corrupt", "size_exceeded", "not_found");
    if (!wrong && !(code === "unavailable" && keepGoing)) throw error;
    const differs = code === "corrupt" && !await isSound(store, digest);
    const message = differs ? "hash differs" : reasonOf(error);
    return await faults.report({ digest, code, message, path: pathOf(visit) });
  }

  for (const target of roots) await mention({ target, role: "root" });
  for await (const visit of walkGraph(store, roots, { onBroken })) {
    const { target, node } = visit;
    if (node) nodes.set(target.digest, target.size);
    for (const edge of node?.edges ?? []) await mention({ ...edge, parent: visit });
  }
  return { nodes, leaves, missing };
}

/** Why a manifest cannot be used, without what its line says already. */
function reasonOf({ message, cause }: OciError): string {
  const told = cause === undefined ? message : messageOf(cause);
  return told.replace(/^Cannot \w+ (?:"[^"]*"|[\w:]+): (?:Cannot read the manifest: )?/, "");
}

/** Tells how the blobs are reached that something is wrong with. */
export async function locate(
  store: Store,
  roots: readonly Descriptor[],
  faults: Faults,
): Promise<void> {
  const wanted = new Set(faults.lost);
  if (wanted.size === 0) return;
  for await (const visit of walkGraph(store, roots, { onBroken: () => false, sparse: true })) {
    const { digest } = visit.target;
    if (wanted.delete(digest)) faults.locate(digest, pathOf(visit));
    if (wanted.size === 0) return;
  }
}
