import { type BlobInfo, type Digest, isDigest } from "../../core/mod.ts";
import type { Client } from "./client.ts";
import { type Listed, listPage, listPages } from "./lists.ts";

const BLOBS = "blobs/";
const HEX = [..."0123456789abcdef"];

/** All blobs: in one page if that holds them, else sixteen listings beside each other for each algorithm. */
export async function* listBlobs(
  client: Client,
  skip: (digest: Digest) => boolean = () => false,
): AsyncGenerator<BlobInfo> {
  const first = await listPage(client, { prefix: BLOBS });
  yield* infos(first.objects, skip);
  const last = first.objects.at(-1)?.name;
  if (first.next === undefined || last === undefined) return;
  const { folders } = await listPage(client, { prefix: BLOBS, delimiter: "/" });
  const prefixes = folders.flatMap((folder) => HEX.map((digit) => folder + digit))
    .filter((prefix) => last < prefix || last.startsWith(prefix));
  // Each is a page ahead of whoever reads.
  const listings = prefixes.map((prefix) => {
    const pages = listPages(client, last.startsWith(prefix) ? { prefix, after: last } : { prefix });
    return { pages, next: pages.next() };
  });
  for (const { next } of listings) next.catch(() => {});
  for (const listing of listings) {
    for (let page = await listing.next; !page.done; page = await listing.next) {
      listing.next = listing.pages.next();
      listing.next.catch(() => {});
      yield* infos(page.value.objects, skip);
    }
  }
}

function* infos(
  objects: readonly Listed[],
  skip: (digest: Digest) => boolean,
): Generator<BlobInfo> {
  for (const { name, size, etag, modified } of objects) {
    const digest = name.slice(BLOBS.length).replace("/", ":");
    if (!isDigest(digest) || skip(digest)) continue;
    yield { digest, size, version: etag, ...(modified ? { modified } : {}) };
  }
}
