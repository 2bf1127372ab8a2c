import { type Descriptor, named, nameOf, type TagContext } from "../../core/mod.ts";
import { type Bound, fitsInline, withBundles } from "./bundles.ts";
import { BUNDLE_TYPE } from "./envelope.ts";
import { EMPTY, EMPTY_TYPE, MANAGED, OF, printReferrer } from "./referrer.ts";
import { listingsOf } from "./stored.ts";

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
  await context.put(EMPTY_TYPE, EMPTY);
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
  const others = context.edited.manifests.filter((one) => nameOf(one) !== name);
  return withBundles(entry, bundles, fitsInline(bundles, others));
}

/** Drops the listings of bundles that were replaced, unless what they are about was kept without its name. */
function dropFormer(
  entry: Descriptor,
  name: string,
  listings: readonly Descriptor[],
  context: TagContext,
): void {
  const stay = new Set(listings.map(({ digest }) => digest));
  const former = named(context.index, name)[0]?.digest;
  const isKept = former !== entry.digest &&
    context.edited.manifests.some((one) => one?.digest === former && nameOf(one) === undefined);
  if (isKept) return;
  for (const listing of listingsOf(context.index.manifests, name)) {
    if (!stay.has(listing.digest)) context.drop(listing);
  }
}
