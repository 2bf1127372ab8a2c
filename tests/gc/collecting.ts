// Collects layouts in tests: without grace, and an hour after all was stored.
import { type Clock, type Descriptor, type Layout, REF_NAME, systemClock } from "../../core/mod.ts";
import { collect, type Collected, type CollectOptions } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { type Image, imageOf, type ImageParts, pushAll } from "../images.ts";
import type { Place } from "../layouts.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** A clock that is so much ahead. */
export function aheadBy(ms: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + ms };
}

/** Options that let all garbage go at once, but for those given. */
export function eager(more: Partial<CollectOptions> = {}): CollectOptions {
  const policy = { ...keepAll, maxDrop: 100 };
  const times = { grace: 0, quarantine: 0, trash: DAY };
  return { policy, ...times, exclusive: false, budget: {}, ...more };
}

/** Collects a place as another process would, so much later. */
export async function collectIn(
  place: Place,
  more: Partial<CollectOptions> = {},
  later = HOUR,
): Promise<Collected> {
  await using layout = await place.open({ mode: "write", clock: aheadBy(later) });
  return await collect(layout.store, eager(more));
}

/** Pushes an image and names it, or lists it without a name. */
export async function pushNamed(
  layout: Layout,
  text: string,
  name?: string,
  parts: ImageParts = {},
): Promise<Image> {
  const image = imageOf(text, parts);
  await pushAll(layout, image.config, image.layer, image);
  await list(layout, image.descriptor, name);
  return image;
}

/** Lists a descriptor under a name, or without one. */
export async function list(layout: Layout, entry: Descriptor, name?: string): Promise<void> {
  if (name !== undefined) await layout.tag(entry, name);
  else await layout.transaction((tx) => void tx.insert(entry));
}

/** The digests of an image. */
export function digestsOf({ descriptor, config, layer }: Image): string[] {
  return [descriptor, config.descriptor, layer.descriptor].map(({ digest }) => digest).sort();
}

/** All that is stored. */
export async function storedIn({ store }: Layout): Promise<string[]> {
  const found = (await Array.fromAsync(store.backend.blobs.list())).map(({ digest }) => digest);
  return found.sort();
}

/** All that is listed: names, or digests. */
export async function listedIn(layout: Layout): Promise<string[]> {
  const { manifests } = await layout.index();
  return manifests.map(({ annotations, digest }) => annotations?.[REF_NAME] ?? digest).sort();
}
