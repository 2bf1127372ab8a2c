// Readers and writers of archives that are not ours.
import { modernTar } from "./modern_tar.ts";
import { tarStream } from "./tar_stream.ts";

/** A regular file in an archive. */
export interface File {
  readonly name: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Another program's way to read and to write archives. */
export interface Others {
  /** Whether it stops at the end marker, as readers of tapes have to: behind it lies what an append has left. */
  readonly stops: boolean;
  read(archive: Uint8Array<ArrayBuffer>): Promise<File[]>;
  write(files: readonly File[]): Promise<Uint8Array<ArrayBuffer>>;
}

/** Those that are asked, by name. */
export const others: Readonly<Record<string, Others>> = {
  "tar-stream": tarStream,
  "modern-tar": modernTar,
};
