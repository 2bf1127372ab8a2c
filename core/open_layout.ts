import process from "node:process";
import type { Backend } from "./backend.ts";
import { systemClock } from "./clock.ts";
import { type CopyOptions, copyReferences, type CopyReport } from "./copy.ts";
import { located, OciError } from "./errors.ts";
import type { Notice } from "./hook.ts";
import { Layout } from "./layout.ts";
import { type OpenOptions, openStore } from "./open.ts";
import { placeUrl } from "./place.ts";
import type { Registry } from "./plugin.ts";
import { parseReference } from "./reference.ts";

/** How a place is opened as a layout. */
export interface OpenLayoutOptions extends OpenOptions {
  /** Brings the backends; not needed for a place that is open already. */
  readonly registry?: Registry;
}

/**
 * Opens the layout in a place: as it is typed, as a URL, or a backend that is open already.
 *
 * @throws {OciError} `not_found`, `invalid`, `corrupt`, `unsupported`, `size_exceeded`, `unavailable`, `read_only`.
 */
export async function openLayout(
  place: string | URL | Backend,
  options: OpenLayoutOptions = {},
): Promise<Layout> {
  const notices: Notice[] = [];
  const notice = (one: Notice) => {
    notices.push(one);
    options.onNotice?.(one);
  };
  const backend = typeof place === "string" || place instanceof URL
    ? await openBackend(place, options, notice)
    : place;
  try {
    return new Layout(await openStore(backend, options, notice), notices);
  } catch (error) {
    if (backend !== place) await backend[Symbol.asyncDispose]();
    throw located(error, backend.url);
  }
}

async function openBackend(
  place: string | URL,
  { registry, mode = "read", durability = "full", wait = 30_000, clock = systemClock }:
    OpenLayoutOptions,
  notice: (notice: Notice) => void,
): Promise<Backend> {
  if (!registry) {
    throw new OciError("unsupported", "Cannot open a place by name without a registry");
  }
  const url = typeof place === "string" ? urlOf(place, registry) : place;
  return await registry.open(url, {
    mode,
    durability,
    wait,
    clock,
    notice: (code, message) => notice({ code, message }),
  });
}

function urlOf(place: string, registry: Registry): URL {
  const reference = parseReference(place, registry.schemes);
  if (reference.name !== undefined || reference.digest !== undefined) {
    throw new OciError(
      "invalid",
      `Cannot open ${JSON.stringify(place)}: it names a reference too`,
      {
        ref: reference.name,
      },
    );
  }
  return placeUrl(reference.place, process.cwd());
}

/**
 * Copies references from one layout to another: `what` names them, undefined means all. Children go before parents,
 * what is there is skipped, and all names are set in one swap at the end: an error moves no name.
 *
 * @throws {OciError} with the place and digest of the side that failed.
 */
export function copy(
  from: Layout,
  what: string | readonly string[] | undefined,
  to: Layout,
  options: CopyOptions = {},
): Promise<CopyReport> {
  return copyReferences(from.store, what, to.store, options);
}
