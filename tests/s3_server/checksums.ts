// Digests of content: MD5 for ETags, and the five checksums of `x-amz-checksum-*`.
import { createHash } from "node:crypto";

/** The algorithms, as headers name them in lower case. */
export const ALGORITHMS = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"] as const;
export type Algorithm = typeof ALGORITHMS[number];

/** The digest of chunks by an algorithm of `node:crypto`. */
export function digest(
  algorithm: "md5" | "sha1" | "sha256",
  chunks: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const hash = createHash(algorithm);
  for (const chunk of chunks) hash.update(chunk);
  return new Uint8Array(hash.digest());
}

/** Bytes as hexadecimal digits. */
export const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Bytes as Base64. */
export const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** The bytes of a Base64 text; none if it is not. */
export function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** A checksum, in Base64 as headers show it. */
export function checksum(algorithm: Algorithm, chunks: readonly Uint8Array[]): string {
  return base64(
    algorithm === "sha1" || algorithm === "sha256"
      ? digest(algorithm, chunks)
      : algorithm === "crc64nvme"
      ? crc64(chunks)
      : crc32(chunks, algorithm === "crc32" ? 0xedb88320 : 0x82f63b78),
  );
}

const tables = new Map<number, Uint32Array>();

function table32(polynomial: number): Uint32Array {
  const known = tables.get(polynomial);
  if (known) return known;
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ polynomial : crc >>> 1;
    return crc;
  });
  tables.set(polynomial, table);
  return table;
}

function crc32(chunks: readonly Uint8Array[], polynomial: number): Uint8Array {
  const table = table32(polynomial);
  let crc = 0xffffffff;
  for (const chunk of chunks) {
    for (const byte of chunk) crc = (table[(crc ^ byte) & 255] ?? 0) ^ crc >>> 8;
  }
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, ~crc >>> 0);
  return bytes;
}

// CRC-64/NVME in two halves of 32 bits, as BigInt would take seconds for a part.
const NVME = { high: 0x9a6c9329, low: 0xac4bc9b5 };
let table64: { high: Uint32Array; low: Uint32Array } | undefined;

function makeTable64() {
  const [high, low] = [new Uint32Array(256), new Uint32Array(256)];
  for (let byte = 0; byte < 256; byte++) {
    let [h, l] = [0, byte];
    for (let bit = 0; bit < 8; bit++) {
      const odd = l & 1;
      l = (l >>> 1 | h << 31) >>> 0;
      h >>>= 1;
      if (odd) [h, l] = [(h ^ NVME.high) >>> 0, (l ^ NVME.low) >>> 0];
    }
    high[byte] = h;
    low[byte] = l;
  }
  return { high, low };
}

function crc64(chunks: readonly Uint8Array[]): Uint8Array {
  const table = table64 ??= makeTable64();
  let [h, l] = [0xffffffff, 0xffffffff];
  for (const chunk of chunks) {
    for (const byte of chunk) {
      const at = (l ^ byte) & 255;
      l = ((l >>> 8 | h << 24) ^ (table.low[at] ?? 0)) >>> 0;
      h = (h >>> 8 ^ (table.high[at] ?? 0)) >>> 0;
    }
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, ~h >>> 0);
  new DataView(bytes.buffer).setUint32(4, ~l >>> 0);
  return bytes;
}
