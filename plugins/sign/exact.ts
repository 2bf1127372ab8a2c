import {
  type Descriptor,
  found,
  IMAGE_NAME,
  type ImageIndex,
  isUsable,
  REF_NAME,
} from "../../core/mod.ts";

interface Names {
  asked: number;
  refs?: ReadonlyMap<string | undefined, readonly Descriptor[]>;
  images?: ReadonlyMap<string | undefined, readonly Descriptor[]>;
}

const known = new WeakMap<ImageIndex, Names>();

/** The entries that a name finds exactly, never by its end. Who asks of one index again gets it sorted by name. */
export function exactly(index: ImageIndex, name: string): readonly Descriptor[] {
  const names = known.get(index) ?? { asked: 0 };
  known.set(index, names);
  if (names.asked++ === 0) return found(index, name, { suffix: false });
  if (!names.refs || !names.images) {
    const usable = index.manifests.filter(isUsable);
    names.refs = Map.groupBy(usable, (one) => one.annotations?.[REF_NAME]);
    names.images = Map.groupBy(usable, (one) => one.annotations?.[IMAGE_NAME] || undefined);
  }
  const refs = names.refs.get(name) ?? [];
  const plain = refs.filter((one) => !one.annotations?.[IMAGE_NAME]);
  if (plain.length > 0) return plain;
  return refs.length > 0 ? refs : names.images.get(name) ?? [];
}
