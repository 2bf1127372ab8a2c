import { createHash } from "node:crypto";
import { OciError } from "./errors.ts";

/** The name of some bytes: an algorithm, a colon, and their hash in lower-case hex. */
export type Digest = `${string}:${string}`;

/** The digests of known algorithms. */
const DIGEST = /^(?:(?:sha256|blake3):[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;

/** An algorithm that blobs are written and verified with. */
export type Algorithm = "sha256" | "sha512";

const SHAPE = /^(sha256|sha384|sha512|blake3):(.*)$/s;

/** Whether `text` claims to be a digest: a known algorithm before the first colon. */
export function looksLikeDigest(text: string): boolean {
  return SHAPE.test(text);
}

/** Whether `text` is a digest: a known algorithm and lower-case hex of its length. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && DIGEST.test(text);
}

/**
 * Reads a digest of a known algorithm.
 *
 * @throws {OciError} `invalid_digest` if `text` is anything else.
 *
 * @example
 * ```ts
 * import { parseDigest } from "./digest.ts";
 *
 * const digest = parseDigest("sha256:" + "0".repeat(64));
 * ```
 */
export function parseDigest(text: unknown): Digest {
  if (isDigest(text)) return text;
  const shown = typeof text === "string" ? JSON.stringify(text.slice(0, 200)) : typeof text;
  throw new OciError(
    "invalid_digest",
    `Cannot read ${shown} as a digest: it must be an algorithm, a colon and lower-case hex of full length`,
  );
}

/** The two halves of a digest. */
export function splitDigest(digest: Digest): { algorithm: string; hex: string } {
  const colon = digest.indexOf(":");
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) };
}

/**
 * The algorithm of a digest that can be computed here.
 *
 * @throws {OciError} `unsupported` for a known algorithm that is neither sha256 nor sha512.
 */
export function writableAlgorithm(digest: Digest): Algorithm {
  const { algorithm } = splitDigest(digest);
  if (algorithm === "sha256" || algorithm === "sha512") return algorithm;
  throw new OciError(
    "unsupported",
    `Cannot compute ${algorithm}: only sha256 and sha512 are written and verified`,
    { digest },
  );
}

/** A hash in progress. */
export interface Digester {
  /** Adds bytes. */
  update(bytes: Uint8Array): void;
  /** The digest of all bytes so far; more may follow. */
  digest(): Digest;
}

/** Starts a hash. */
export function createDigester(algorithm: Algorithm = "sha256"): Digester {
  const hash = createHash(algorithm);
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => `${algorithm}:${hash.copy().digest("hex")}`,
  };
}

/** The digest of bytes, or of text as UTF-8. */
export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}
