import type { FileHandle } from "node:fs/promises";
import { decodeUtf8 } from "../../core/mod.ts";
import type { Member } from "./members.ts";
import { bytesAt } from "./positions.ts";

/** What a document in an archive says; throws `corrupt` if it is not UTF-8. */
export function documentText(file: FileHandle, { data, size }: Member, name: string): string {
  return decodeUtf8(bytesAt(file, data, size), `Cannot read "${name}"`);
}
