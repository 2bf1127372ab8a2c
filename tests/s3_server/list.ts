// ListObjectsV2 and ListObjectVersions: pages of keys in the order of UTF-8.
import { checksumElements } from "./about.ts";
import { type Context, isoTime, showEtag, xmlAnswer } from "./context.ts";
import { encode, parameter, type S3Answer } from "./message.ts";
import { problems } from "./problem.ts";
import { base64, fromBase64 } from "./checksums.ts";
import {
  compareUtf8,
  current,
  sortedKeys,
  type Stored,
  type Version,
  versionsOf,
} from "./store.ts";
import type { Content, Elements } from "./xml.ts";

const MOST = 1000;

const slashes = (key: string) => encode(key).replaceAll("%2F", "/");
const ENCODINGS = {
  aws: (key: string) => slashes(key).replaceAll("%20", "+"),
  rgw: encodeURIComponent,
  swift: slashes,
  ignored: (key: string) => key,
};

/** How a key is written in this list. */
function writer({ request, switches }: Context): (key: string) => string {
  const asked = parameter(request, "encoding-type") === "url";
  return ENCODINGS[asked ? switches.list.encoding : "ignored"];
}

function pageSize({ request, switches }: Context): number {
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
function page<T>(
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

const utf8ToBase64 = (text: string) => base64(new TextEncoder().encode(text));

/** The token of the next page: of a form that has to be encoded, if asked to be odd. */
function tokenOf({ switches }: Context, last: string): string {
  const plain = utf8ToBase64(last);
  if (switches.list.token === "plain") return `1${plain}`;
  return switches.list.token === "odd" ? `+/=&${plain}` : "again";
}

function markOf({ request }: Context, token: string): string {
  if (token === "again") return parameter(request, "start-after") ?? "";
  const bytes = fromBase64(token.replace(/^(?:1|\+\/=&)/, ""));
  if (bytes.length === 0 && token !== "1") {
    throw problems.invalidArgument(
      "The continuation token provided is incorrect",
      "continuation-token",
    );
  }
  return new TextDecoder().decode(bytes);
}

/** An element without those that the switches leave out. */
const entry = ({ switches }: Context, content: Elements): Content =>
  Object.fromEntries(
    Object.entries(content).filter(([name]) => !switches.list.without.includes(name)),
  );

export function listObjects(context: Context): S3Answer {
  const { request, bucket, switches, now } = context;
  if (parameter(request, "list-type") !== "2") throw problems.notImplemented("list-type");
  const token = parameter(request, "continuation-token");
  const startAfter = parameter(request, "start-after");
  const write = writer(context);
  // The empty page stands before the second one, with a token of its own.
  const blank = switches.list.emptyPage && token !== undefined && !token.startsWith("~");
  const after = token === undefined ? startAfter ?? "" : markOf(context, token.replace(/^~/, ""));
  const seen = now() - switches.visibility.lists;
  const found = blank ? undefined : page(context, after, (key) => {
    const version = current(bucket, key, seen);
    return version?.object ? [{ key, ...version, object: version.object }] : [];
  });
  const next = blank ? `~${token}` : found?.truncated ? tokenOf(context, found.last) : undefined;
  const contents = (found?.entries ?? []).map(({ key, at, object }) =>
    entry(context, {
      Key: write(key),
      LastModified: isoTime(at),
      ETag: showEtag(context, object.etag),
      ...checksumAlgorithm(object),
      Size: object.content.size,
      StorageClass: object.headers["x-amz-storage-class"] ?? "STANDARD",
    })
  );
  const folders = found?.folders ?? [];
  return xmlAnswer(context, "ListBucketResult", {
    Name: bucket.name,
    Prefix: write(parameter(request, "prefix") ?? ""),
    Delimiter: parameter(request, "delimiter"),
    MaxKeys: pageSize(context),
    EncodingType: switches.list.encoding === "ignored"
      ? undefined
      : parameter(request, "encoding-type"),
    KeyCount: contents.length + folders.length,
    StartAfter: startAfter === undefined ? undefined : write(startAfter),
    ContinuationToken: token,
    NextContinuationToken: next,
    IsTruncated: next !== undefined,
    Contents: [...(switches.list.folders ? folderKeys(context) : []), ...contents],
    CommonPrefixes: folders.map((folder) => ({ Prefix: write(folder) })),
  });
}

const checksumAlgorithm = ({ checksums, checksumType }: Stored): Elements => {
  const [name] = Object.keys(checksumElements(checksums));
  return name === undefined
    ? {}
    : { ChecksumAlgorithm: name.replace("Checksum", ""), ChecksumType: checksumType };
};

/** The asked prefix as a key that ends with a slash, as consoles leave behind. */
function folderKeys(context: Context): Content[] {
  const prefix = parameter(context.request, "prefix") ?? "";
  if (!prefix.endsWith("/") || parameter(context.request, "continuation-token")) return [];
  return [{
    Key: writer(context)(prefix),
    LastModified: isoTime(0),
    ETag: '"d41d8cd98f00b204e9800998ecf8427e"',
    Size: 0,
    StorageClass: "STANDARD",
  }];
}

export function listVersions(context: Context): S3Answer {
  const { request, bucket } = context;
  const write = writer(context);
  const after = parameter(request, "key-marker") ?? "";
  const { entries, folders, last, truncated } = page(context, after, (key) => {
    const versions = versionsOf(bucket, key);
    return versions.length === 0 ? [] : [{ key, versions }];
  });
  const about = (key: string, { id, at }: Version, latest: boolean) => ({
    Key: write(key),
    VersionId: id,
    IsLatest: latest,
    LastModified: isoTime(at),
  });
  const all = entries.flatMap(({ key, versions }) =>
    versions.toReversed().map((version, i) => ({ key, version, latest: i === 0 }))
  );
  return xmlAnswer(context, "ListVersionsResult", {
    Name: bucket.name,
    Prefix: write(parameter(request, "prefix") ?? ""),
    KeyMarker: write(after),
    VersionIdMarker: "",
    NextKeyMarker: truncated ? write(last) : undefined,
    NextVersionIdMarker: truncated ? "" : undefined,
    Delimiter: parameter(request, "delimiter"),
    MaxKeys: pageSize(context),
    EncodingType: parameter(request, "encoding-type"),
    IsTruncated: truncated,
    Version: all.flatMap(({ key, version, latest }) =>
      version.object
        ? [{
          ...about(key, version, latest),
          ETag: showEtag(context, version.object.etag),
          Size: version.object.content.size,
          StorageClass: "STANDARD",
        }]
        : []
    ),
    DeleteMarker: all.flatMap(({ key, version, latest }) =>
      version.object ? [] : [about(key, version, latest)]
    ),
    CommonPrefixes: folders.map((folder) => ({ Prefix: write(folder) })),
  });
}
