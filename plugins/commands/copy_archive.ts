import { isOciError, type Layout, type Place } from "../../core/mod.ts";

/** Whether a place is standard input or output. */
export function isStream({ scheme }: Place): boolean {
  return scheme === "-";
}

/** Whether a place is one file: made where it is copied to. */
export function isArchive(place: Place): boolean {
  return place.scheme === "tar" || isStream(place);
}

const DOCKER = "manifest.json";

/** Asks an archive to keep what `docker load` reads: it does, once that document is there. */
export async function askForDocker(target: Layout): Promise<void> {
  const { docs } = target.store.backend;
  if (await docs.load(DOCKER)) return;
  try {
    await docs.swap(DOCKER, "[]", undefined);
  } catch (error) {
    if (!isOciError(error, "conflict")) throw error;
  }
}
