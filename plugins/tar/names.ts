import { type Digest, isDigest } from "../../core/mod.ts";

/** The folder of blobs, and where their headers lead to once they are deleted, or gone for good: names of one length. */
export const [BLOBS, DEAD, GONE] = ["blobs/", ".dead/", ".gone/"];
/** What the commit of an append is called. */
export const COMMIT = ".stowage/commit";
/** Where documents of former times are put. */
export const OLD = ".stowage/old/";
/** What holds for the layout as a whole travels with the archive. */
export const FACTS = ".stowage/layout.json";
/** Documents of a layout; any other file may be as large as it likes, and no text. */
export const OWN = ["oci-layout", "index.json", "manifest.json", FACTS];

/** What a name in an archive means to a layout. */
export type Meaning =
  | { readonly kind: "blob" | "dead"; readonly digest: Digest; readonly from: number }
  | { readonly kind: "doc"; readonly name: string }
  | { readonly kind: "other" }
  | { readonly kind: "nothing" }
  | { readonly kind: "hostile" };

const OTHER: Meaning = { kind: "other" };
const NOTHING: Meaning = { kind: "nothing" };
const HOSTILE: Meaning = { kind: "hostile" };
const DOC = /^(?:[a-z0-9][a-z0-9._-]{0,199}|\.stowage\/layout\.json)$/;

/** The name of a blob in an archive. */
export function blobName(digest: Digest): string {
  return BLOBS + digest.replace(":", "/");
}

/** What a name means; `from` is where in it the folder of blobs stands. */
export function meaningOf(name: string): Meaning {
  let from = 0;
  while (name.startsWith("./", from)) from += 2;
  const path = from === 0 ? name : name.slice(from);
  const top = path.slice(0, BLOBS.length);
  if (top === BLOBS || top === DEAD) {
    const digest = path.slice(BLOBS.length).replace("/", ":");
    if (isDigest(digest)) return { kind: top === BLOBS ? "blob" : "dead", digest, from };
  }
  if (DOC.test(path)) return { kind: "doc", name: path };
  if (top === GONE || path === COMMIT || path.startsWith(OLD)) return NOTHING;
  const leaves = path.startsWith("/") || /(^|\/)\.\.(\/|$)/.test(path) || /[\0\\]/.test(path);
  return leaves ? HOSTILE : OTHER;
}
