import {
  type Hook,
  type Layout,
  type Notice,
  type OpenMode,
  type Place,
  reading,
  type Reference,
  type Registry,
  usageError,
} from "../../core/basics.ts";
import { formatReference, parseReference, placeUrl } from "../../core/basics.ts";
import type { Settings } from "./settings.ts";

/** What turns typed places into open layouts. */
export interface Places {
  readonly registry: Registry;
  /** The default place, as typed: the environment's, else that of the settings. */
  readonly standard: string | undefined;
  readonly settings: Settings | undefined;
  cwd(): string;
  readonly wait: number | undefined;
  readonly durability: "full" | "none" | undefined;
  readonly signal: AbortSignal;
  notice(notice: Notice): void;
  /** Those that take part, made once. */
  hooks(): Promise<readonly Hook[]>;
}

/** Reads a reference; an empty place is the default one. What cannot be read is a usage error. */
export function readReference(places: Places, text: string): Reference {
  const { schemes } = places.registry;
  const reference = reading(() => parseReference(text, schemes));
  if (reference.place.scheme !== "") return reference;
  if (places.standard !== undefined) {
    return { ...reference, place: onlyPlace(places.standard, schemes) };
  }
  throw usageError(
    `Cannot read ${
      JSON.stringify(text)
    }: it names no place, and there is no default; set STOWAGE_PLACE`,
  );
}

/** Reads a place; a reference with it is a usage error. */
export function readPlace(places: Places, text: string): Place {
  const reference = readReference(places, text);
  if (reference.name === undefined && reference.digest === undefined) return reference.place;
  const literal = formatReference({ place: reference.place }, places.registry.schemes);
  throw usageError(
    `Cannot take ${JSON.stringify(text)}: only a place goes here; write "${literal}", ` +
      `or "${text}#" if all of it is the path`,
  );
}

function onlyPlace(text: string, schemes: readonly string[]): Place {
  const { place, name, digest } = reading(() => parseReference(text, schemes));
  if (name === undefined && digest === undefined && place.scheme !== "") return place;
  throw usageError(
    `Cannot use ${JSON.stringify(text)} as a place: it must name a place and nothing else`,
  );
}

/** The place behind an alias of the settings. */
export function behind(places: Places, place: Place): Place {
  if (place.scheme !== "@") return place;
  const text = places.settings?.places?.[place.path];
  if (text === undefined) {
    throw usageError(`Cannot find "@${place.path}": the settings have no place of that name`);
  }
  const found = onlyPlace(text, places.registry.schemes);
  if (found.scheme !== "@") return found;
  throw usageError(`Cannot use "@${place.path}": it leads to another name, "${text}"`);
}

/**
 * Opens the layout of a place; the caller closes it.
 *
 * @throws {OciError} `invalid` with reason `usage` for a place that cannot be opened, and all of `openLayout`.
 */
export async function openPlace(places: Places, place: Place, mode: OpenMode): Promise<Layout> {
  const url = reading(() => placeUrl(behind(places, place), places.cwd()));
  const { openLayout } = await import("../../core/mod.ts");
  const { registry, wait, durability, signal } = places;
  return await openLayout(url, {
    registry,
    mode,
    signal,
    hooks: await places.hooks(),
    onNotice: (notice) => places.notice(notice),
    ...(wait === undefined ? {} : { wait }),
    ...(durability === undefined ? {} : { durability }),
  });
}
