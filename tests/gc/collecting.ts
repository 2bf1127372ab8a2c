// Collects layouts in tests: without grace, and an hour after all was stored.
import {
  type Backend,
  type Clock,
  type Descriptor,
  type Layout,
  type Lease,
  REF_NAME,
  type Store,
  systemClock,
} from "../../core/mod.ts";
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

/** A store whose leases exclude nobody: as if they had been lost and nobody had noticed. */
export function unlocked(store: Store): Store {
  const lease: Lease = {
    signal: new AbortController().signal,
    assertHeld() {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { ...store, lock: { acquire: () => Promise.resolve(lease) } };
}

/** A step of a backend: what it does, and to what. */
export type Step = (what: string, act: () => Promise<unknown>) => Promise<unknown>;

/** A backend each of whose calls is a step, or only those that write. */
export function stepwise(backend: Backend, step: Step, { reads = false } = {}): Backend {
  const { docs, blobs } = backend;
  const look = <A extends unknown[], T>(what: string, act: (...args: A) => Promise<T>) =>
    reads ? (...args: A) => step(what, () => act(...args)) as Promise<T> : act;
  const write =
    <A extends unknown[], T>(what: string, act: (...args: A) => Promise<T>) => (...args: A) =>
      step(`${what} ${args[0]}`, () => act(...args)) as Promise<T>;
  return {
    ...backend,
    docs: { ...docs, load: look("load", docs.load), swap: write("swap", docs.swap) },
    blobs: {
      ...blobs,
      stat: look("stat", blobs.stat),
      read: look("read", blobs.read),
      delete: write("delete", blobs.delete),
      async *list(options) {
        if (reads) await step("list", () => Promise.resolve());
        yield* blobs.list(options);
      },
    },
  };
}

/** Digests that something listed needs, and that are not stored. */
export async function danglingIn(layout: Layout): Promise<string[]> {
  const stored = new Set(await storedIn(layout));
  const { manifests } = await layout.index();
  const needed = new Set<string>(manifests.map(({ digest }) => digest));
  for (const entry of manifests.filter(({ digest }) => stored.has(digest))) {
    for (const { digest } of await layout.children(entry)) needed.add(digest);
  }
  return [...needed].filter((digest) => !stored.has(digest));
}
