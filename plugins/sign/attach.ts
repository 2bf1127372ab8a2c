import {
  type Descriptor,
  type ImageIndex,
  nameOf,
  saying,
  type TagContext,
} from "../../core/mod.ts";
import { type Bound, fitsInline, inlineSize, lengthOf, withBundles } from "./bundles.ts";
import { BUNDLE_TYPE } from "./envelope.ts";
import { EMPTY, EMPTY_TYPE, MANAGED, OF, printReferrer } from "./referrer.ts";
import { entriesAbout, listingsOf } from "./stored.ts";

/** The states of an index whose empty config was made sure of, with the bytes that bundles take in each. */
const prepared = new WeakMap<ImageIndex, number>();

/**
 * Gives an entry these bundles, and makes them last: each is stored, tied to its image by a manifest, and that is
 * listed in the same swap. Listings of other bundles for the name go.
 */
export async function attach(
  entry: Descriptor,
  bounds: readonly Pick<Bound, "bytes" | "binding">[],
  context: TagContext,
): Promise<Descriptor> {
  const name = nameOf(entry) ?? "";
  if (!prepared.has(context.index)) {
    await context.put(EMPTY_TYPE, EMPTY);
    prepared.set(context.index, inlineSize(context.index));
  }
  const listings: Descriptor[] = [];
  for (const { bytes, binding } of bounds) {
    await context.put(BUNDLE_TYPE, bytes);
    const referrer = printReferrer(bytes, binding.target, binding.issued);
    const stored = await context.put("application/vnd.oci.image.manifest.v1+json", referrer.bytes);
    const listing = {
      ...stored,
      artifactType: BUNDLE_TYPE,
      annotations: { ...referrer.annotations, [MANAGED]: "sign", [OF]: name },
    };
    context.insert(listing);
    listings.push(listing);
  }
  dropFormer(entry, name, listings, context);
  const bundles = bounds.map(({ bytes }) => bytes);
  const used = prepared.get(context.index) ?? 0;
  const inline = fitsInline(bundles, used);
  if (inline) prepared.set(context.index, used + lengthOf(bundles));
  return withBundles(entry, bundles, inline);
}

/** Drops the listings of bundles that were replaced, unless what they are about was kept without its name. */
function dropFormer(
  entry: Descriptor,
  name: string,
  listings: readonly Descriptor[],
  context: TagContext,
): void {
  const stay = new Set(listings.map(({ digest }) => digest));
  const about = entriesAbout(context, name);
  const former = about.find((one) => nameOf(one) === name)?.digest;
  const isKept = former !== undefined && former !== entry.digest &&
    saying(context.edited, former).some((one) =>
      one?.digest === former && nameOf(one) === undefined
    );
  if (isKept) return;
  for (const listing of listingsOf(about, name)) {
    if (!stay.has(listing.digest)) context.drop(listing);
  }
}
