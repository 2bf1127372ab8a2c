import { OciError } from "../../core/mod.ts";
import type { Client } from "./client.ts";
import { bareEtag, type ObjectInfo } from "./objects.ts";
import { childrenOf, type Element, parseXml, textOf } from "./xml.ts";

/** An object of a listing, by its key below the place. */
export interface Listed extends ObjectInfo {
  readonly name: string;
}

/** What a listing came to. */
export interface Page {
  readonly objects: readonly Listed[];
  /** What stands before the delimiter, by its key below the place. */
  readonly folders: readonly string[];
  /** Where the next page begins. */
  readonly next?: string;
}

/** How a place is listed. */
export interface ListOptions {
  readonly prefix: string;
  readonly delimiter?: string;
  /** Begins after this key. */
  readonly after?: string;
  readonly token?: string;
}

/** One page of a listing; names are relative to the prefix of the place. */
export async function listPage(
  client: Client,
  { prefix, delimiter, after, token }: ListOptions,
): Promise<Page> {
  const root = client.address.prefix;
  const action = `list "${prefix}"`;
  const { bytes } = await client.send({
    operation: "ListObjectsV2",
    action,
    method: "GET",
    query: {
      "list-type": "2",
      "max-keys": "1000",
      "encoding-type": "url",
      "prefix": root + prefix,
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(after === undefined ? {} : { "start-after": root + after }),
      ...(token === undefined ? {} : { "continuation-token": token }),
    },
  });
  const page = parseXml(new TextDecoder().decode(bytes));
  if (page?.name !== "ListBucketResult") throw damaged(client, action, "the answer is no listing");
  const decode = decoderOf(page);
  const below = (key: string) => key.startsWith(root) ? [key.slice(root.length)] : [];
  const objects = childrenOf(page, "Contents").flatMap((entry) =>
    below(decode(textOf(entry, "Key") ?? "")).map((name): Listed => {
      const modified = Date.parse(textOf(entry, "LastModified") ?? "");
      return {
        name,
        size: Number(textOf(entry, "Size") ?? 0),
        etag: bareEtag(textOf(entry, "ETag")),
        ...(Number.isNaN(modified) ? {} : { modified: new Date(modified) }),
      };
    })
  );
  const folders = childrenOf(page, "CommonPrefixes").flatMap((entry) =>
    below(decode(textOf(entry, "Prefix") ?? ""))
  );
  const next = textOf(page, "NextContinuationToken");
  if (textOf(page, "IsTruncated") !== "true") return { objects, folders };
  if (!next) throw damaged(client, action, "a page says that more follows, and not where");
  return { objects, folders, next };
}

/** Entities are decoded by the reader of XML; what is left is the encoding that was asked for, and first its plus. */
function decoderOf(page: Element): (text: string) => string {
  if (textOf(page, "EncodingType") !== "url") return (text) => text;
  return (text) => {
    try {
      return decodeURIComponent(text.replaceAll("+", " "));
    } catch {
      return text;
    }
  };
}

/** All objects below a prefix, page by page. */
export async function* listObjects(client: Client, options: ListOptions): AsyncGenerator<Listed> {
  for await (const { objects } of listPages(client, options)) yield* objects;
}

/** All pages below a prefix. */
export async function* listPages(client: Client, options: ListOptions): AsyncGenerator<Page> {
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const page = await listPage(client, token === undefined ? options : { ...options, token });
    yield page;
    token = page.next;
    if (token !== undefined && seen.has(token)) {
      throw damaged(client, `list "${options.prefix}"`, "the same page would come again for ever");
    }
    if (token !== undefined) seen.add(token);
  } while (token !== undefined);
}

function damaged({ where }: Client, action: string, why: string): OciError {
  return new OciError("corrupt", `Cannot ${action}: ${why}`, { url: where.url });
}
