import { type BlobInfo, type Digest, OciError } from "../../core/mod.ts";

/** Throws `invalid` once a write is over. */
export function assertOpen(open: boolean, action: string): void {
  if (!open) throw new OciError("invalid", `Cannot ${action}: the write is closed`);
}

/**
 * Throws unless a write may be committed as this blob: `corrupt` after another number of bytes, `invalid` if it was begun
 * as another digest.
 */
export function checkCommit(
  { digest, size }: BlobInfo,
  { offset, expected = digest }: {
    readonly offset: number;
    readonly expected?: Digest | undefined;
  },
): void {
  if (offset !== size) {
    const why = `${offset} bytes were written, not ${size}`;
    throw new OciError("corrupt", `Cannot store ${digest}: ${why}`, { digest });
  }
  if (digest !== expected) {
    throw new OciError("invalid", `Cannot store ${digest}: it was begun as ${expected}`, {
      digest,
    });
  }
}

/** What an unnamed write answers to whoever asks for the bytes it has sent. */
export function notKept(): Promise<never> {
  const why = "only a named write keeps what was stored";
  return Promise.reject(new OciError("unsupported", `Cannot read a write: ${why}`));
}
