import type { FileHandle } from "node:fs/promises";
import { OciError } from "../../core/mod.ts";
import { bytesAt } from "./append.ts";
import type { Member } from "./members.ts";

/** What a document in an archive says; throws `corrupt` if it is not UTF-8. */
export async function documentText(
  file: FileHandle,
  { data, size }: Member,
  name: string,
): Promise<string> {
  const bytes = await bytesAt(file, data, size);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new OciError("corrupt", `Cannot read "${name}": it is not UTF-8`, { cause });
  }
}
