// ListObjectsV2.
import { checksumElements } from "./about.ts";
import { base64, fromBase64 } from "./checksums.ts";
import { type Context, isoTime, showEtag, xmlAnswer } from "./context.ts";
import { page, pageSize, writer } from "./list_page.ts";
import { parameter, type S3Answer } from "./message.ts";
import { problems } from "./problem.ts";
import { current, type Stored } from "./store.ts";
import type { Content, Elements } from "./xml.ts";

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
