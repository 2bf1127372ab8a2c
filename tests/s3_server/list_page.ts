// Pages of keys in the order of UTF-8, and how keys are written in lists.
import type { Context } from "./context.ts";
import { encode, parameter } from "./message.ts";
import { problems } from "./problem.ts";
import { compareUtf8, sortedKeys } from "./store.ts";

const MOST = 1000;

const slashes = (key: string) => encode(key).replaceAll("%2F", "/");
const ENCODINGS = {
  aws: (key: string) => slashes(key).replaceAll("%20", "+"),
  rgw: encodeURIComponent,
  swift: slashes,
  ignored: (key: string) => key,
};

/** How a key is written in this list. */
export function writer({ request, switches }: Context): (key: string) => string {
  const asked = parameter(request, "encoding-type") === "url";
  return ENCODINGS[asked ? switches.list.encoding : "ignored"];
}

/** How many entries a page may have. */
export function pageSize({ request, switches }: Context): number {
  const asked = parameter(request, "max-keys");
  if (asked !== undefined && !/^\d+$/.test(asked)) {
    throw problems.invalidArgument(
      "Provided max-keys not an integer or within integer range",
      "max-keys",
    );
  }
  return Math.min(Number(asked ?? MOST), switches.list.page, MOST);
}

/** Keys and folders after a mark, one page of them. */
export function page<T>(
  context: Context,
  after: string,
  entriesOf: (key: string) => readonly T[],
): { entries: T[]; folders: string[]; last: string; truncated: boolean } {
  const { request, bucket, switches } = context;
  const prefix = parameter(request, "prefix") ?? "";
  const delimiter = parameter(request, "delimiter") ?? "";
  const most = pageSize(context);
  const entries: T[] = [];
  const folders: string[] = [];
  let last = after;
  const keys = sortedKeys(bucket);
  for (let i = first(keys, compareUtf8(after, prefix) > 0 ? after : prefix); i < keys.length; i++) {
    const key = keys[i] ?? "";
    if (!key.startsWith(prefix)) break;
    const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const folder = at < 0 ? undefined : key.slice(0, at + delimiter.length);
    // A mark inside a folder has the whole folder behind it.
    const mark = folder ?? key;
    if (compareUtf8(mark, after) <= 0 || (folder !== undefined && after.startsWith(folder))) {
      continue;
    }
    const found = entriesOf(key);
    if (found.length === 0 || folder !== undefined && folder === folders.at(-1)) continue;
    if (entries.length + folders.length >= most) {
      return { entries, folders, last, truncated: most > 0 };
    }
    if (folder === undefined) entries.push(...found);
    else folders.push(folder);
    last = mark;
  }
  if (switches.list.order === "unsorted") entries.reverse();
  return { entries, folders, last, truncated: false };
}

/** Where a sorted list reaches a text. */
function first(keys: readonly string[], text: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareUtf8(keys[middle] ?? "", text) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
