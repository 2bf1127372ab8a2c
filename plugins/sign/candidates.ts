import {
  type Descriptor,
  type Digest,
  digestOf,
  type ImageIndex,
  isUsable,
  kindOf,
  named,
  nameOf,
  splitDigest,
} from "../../core/mod.ts";
import { BINDING_REF, bundleRefs, inlineBundles, MOST_ANNOTATION } from "./bundles.ts";
import { utf8 } from "./bytes.ts";
import { MOST_BUNDLE } from "./envelope.ts";
import type { Candidate } from "./judge.ts";
import { MOST_LAYERS, MOST_PAYLOAD, SIGNATURE, SIGS, SIMPLE_SIGNING } from "./legacy.ts";
import type { Form } from "./policy.ts";
import { bundleLayers, type Reading, small, smallNode, stored } from "./stored.ts";

const MOST_MANIFEST = 64 << 10;
/** No more referrers of one image are looked at. */
const MOST_REFERRERS = 256;

/** Signatures of an entry, the nearest first; each group is looked for only if those before it are not enough. */
export async function* candidates(
  reading: Reading,
  entry: Descriptor,
  forms: readonly Form[],
): AsyncGenerator<readonly Candidate[]> {
  const seen = new Set<Digest>();
  yield await onEntry(reading, entry, seen);
  const further = await tied(reading, entry, seen);
  if (forms.includes("cosign-legacy")) further.push(...await legacy(reading, entry));
  yield further;
  if (forms.includes("cosign-bundle")) {
    const layers = (await unlisted(reading)).get(entry.digest) ?? [];
    yield await bundles(reading, layers, "unlisted", seen);
  }
}

/** What the entry holds, and what it points at. */
async function onEntry(
  reading: Reading,
  entry: Descriptor,
  seen: Set<Digest>,
): Promise<Candidate[]> {
  const said = entry.annotations?.[BINDING_REF]?.split(" ");
  const found = inlineBundles(entry).map((text, at): Candidate => {
    const source = "annotation";
    if (text.length > MOST_ANNOTATION) {
      return {
        source,
        bytes: new Uint8Array(),
        broken: `it is longer than ${MOST_ANNOTATION} bytes`,
      };
    }
    const bytes = utf8(text);
    const digest = digestOf(bytes);
    seen.add(digest);
    if (said === undefined || said[at] === digest) return { source, bytes };
    return { source, bytes, broken: "its digest is not the one that stands beside it" };
  });
  if (found.length === 0) {
    const pointed = bundleRefs(entry).map((digest) => ({ digest }));
    found.push(...await bundles(reading, pointed, "pointer", seen));
  }
  return found;
}

/** Bundles that are stored, each once; one that is too long is not fetched. */
async function bundles(
  reading: Reading,
  layers: readonly Pick<Descriptor, "digest">[],
  source: string,
  seen: Set<Digest>,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const { digest } of layers) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    const blob = await reading.blobs.stat(digest);
    if (!blob) continue;
    const bytes = blob.size > MOST_BUNDLE ? undefined : await stored(reading, digest);
    found.push(
      bytes ? { source, bytes } : {
        source,
        bytes: new Uint8Array(),
        broken: blob.size > MOST_BUNDLE
          ? `it is longer than ${MOST_BUNDLE} bytes`
          : "its bytes are not those of its digest",
      },
    );
  }
  return found;
}

type Ties = ReadonlyMap<Digest, readonly Descriptor[]>;
const listed = new WeakMap<ImageIndex, Promise<Ties>>();
const others = new WeakMap<ImageIndex, Promise<Ties>>();

/** What manifests without a name, and the index that is tagged with its digest, tie to an image. */
async function tied(
  reading: Reading,
  entry: Descriptor,
  seen: Set<Digest>,
): Promise<Candidate[]> {
  const { index } = reading;
  if (!listed.has(index)) listed.set(index, tiesOf(reading, nodesOf(index)));
  const layers = (await listed.get(index))?.get(entry.digest) ?? [];
  const found = await bundles(reading, layers, "referrer", seen);
  for (const tag of named(index, dashed(entry.digest)).filter(isUsable)) {
    const children = (await smallNode(reading, tag.digest))?.edges ?? [];
    const manifests = children.slice(0, MOST_REFERRERS).map(({ target }) => target.digest);
    const ties = (await tiesOf(reading, manifests)).get(entry.digest) ?? [];
    found.push(...await bundles(reading, ties, "digest tag", seen));
  }
  return found;
}

function nodesOf({ manifests }: ImageIndex): Digest[] {
  return manifests.filter((one) =>
    isUsable(one) && nameOf(one) === undefined && one.size <= MOST_MANIFEST &&
    kindOf(one.mediaType) === "manifest"
  ).map(({ digest }) => digest);
}

/** A digest as it is spelled in tags. */
export function dashed(digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `${algorithm}-${hex}`;
}

/** The bundles that these manifests tie to images, by image. */
async function tiesOf(reading: Reading, manifests: Iterable<Digest>): Promise<Ties> {
  const ties = new Map<Digest, Descriptor[]>();
  const counts = new Map<Digest, number>();
  for (const digest of manifests) {
    const node = await smallNode(reading, digest);
    const subject = node?.subject?.digest;
    if (!node || subject === undefined) continue;
    const layers = bundleLayers(node);
    const count = (counts.get(subject) ?? 0) + 1;
    if (layers.length === 0 || count > MOST_REFERRERS) continue;
    counts.set(subject, count);
    ties.set(subject, [...ties.get(subject) ?? [], ...layers]);
  }
  return ties;
}

/** The same of manifests that are stored and that nothing lists, as cosign leaves them. */
function unlisted(reading: Reading): Promise<Ties> {
  const { index, blobs } = reading;
  let found = others.get(index);
  if (!found) {
    found = (async () => {
      const known = new Set(index.manifests.map((one) => one?.digest));
      const digests: Digest[] = [];
      for await (const { digest, size } of blobs.list({ skip: (one) => known.has(one) })) {
        if (size <= MOST_MANIFEST) digests.push(digest);
      }
      return await tiesOf(reading, digests);
    })();
    others.set(index, found);
  }
  return found;
}

/** Where cosign keeps legacy signatures: under a tag of the digest, or, once saved, as an entry of their kind. */
function legacyNodes({ index }: Reading, digest: Digest): Descriptor[] {
  const saved = index.manifests.filter((one) =>
    one?.annotations?.["kind"] === SIGS && nameOf(one) === undefined
  );
  return [...named(index, `${dashed(digest)}.sig`), ...saved].filter(isUsable);
}

/** The legacy signatures of an image. */
async function legacy(reading: Reading, entry: Descriptor): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const tag of legacyNodes(reading, entry.digest)) {
    const node = await smallNode(reading, tag.digest);
    const layers = node?.edges.filter(({ target }) => target.mediaType === SIMPLE_SIGNING) ?? [];
    for (const { target } of layers.slice(0, MOST_LAYERS)) {
      const bytes = await small(reading, target.digest, MOST_PAYLOAD);
      const signature = target.annotations?.[SIGNATURE];
      found.push({
        source: "signature tag",
        bytes: bytes ?? new Uint8Array(),
        legacy: { signature },
        ...(bytes ? {} : { broken: "its payload is missing, damaged or too long" }),
      });
    }
  }
  return found;
}
