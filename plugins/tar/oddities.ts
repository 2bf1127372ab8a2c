import { Buffer } from "node:buffer";
import { type ErrorDetails, isDigest, OciError } from "../../core/mod.ts";
import type { Contents } from "./contents.ts";
import { isDockerArchive } from "./docker_archive.ts";
import { OWN } from "./names.ts";

/** What is thrown where a blob or a document is no regular file: what a link leads to may be another the next time. */
export function noFile(action: string, details: ErrorDetails = {}): OciError {
  const way = "pack it anew, with tar --dereference --hard-dereference";
  const why = "in this archive it is a link, or a file with holes";
  return new OciError("unsupported", `${action}: ${why}; ${way}`, details);
}

/** What a layout needs of an archive, and cannot be read: the first name of such a member. */
export function unreadable({ strange }: Contents): string | undefined {
  const [, name] = [...strange].find(([key]) => isDigest(key) || OWN.includes(key)) ?? [];
  return name;
}

/** What is odd about an archive, as codes and sentences. */
export function odditiesOf(contents: Contents, path: string): (readonly [string, string])[] {
  const { hostile, links, strange, marked, end } = contents;
  const odd: (readonly [string, string])[] = [];
  const leftOut = (code: string, first: string, count: number, why: string) => {
    const more = count > 1 ? ` and ${count - 1} more` : "";
    const name = Buffer.from(first.slice(0, 200), "latin1").toString();
    odd.push([code, `Left ${JSON.stringify(name)}${more} out: ${why}`]);
  };
  if (hostile.count > 0) {
    const why = "such a name leads out of the archive";
    leftOut("hostile_names", hostile.first, hostile.count, why);
  }
  const unread = new Set([...strange.values(), ...links.keys()]);
  const [first] = unread;
  if (first !== undefined && !isDockerArchive(contents)) {
    const why = "links, devices and files with holes are not read, nor kept by a compaction";
    leftOut("links", first, unread.size, why);
  }
  if (!marked && end > 0) odd.push(["unmarked_end", `"${path}" ends without its end marker`]);
  return odd;
}
