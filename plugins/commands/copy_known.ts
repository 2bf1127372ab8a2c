import { readFile } from "node:fs/promises";
import {
  type CommandContext,
  type Descriptor,
  type Digest,
  isDigest,
  kindOf,
  parseReference,
  type Place,
  reading,
  usageError,
} from "../../core/mod.ts";
import { failedFile, statFile } from "./local_file.ts";

type Context = Pick<CommandContext, "open" | "registry"> & {
  readonly flags: { readonly except: readonly string[] };
};

/**
 * What of a copy the other side does not have: told by a place that stands for it, or by a file of digests, one a line.
 * Manifests go along in any case, so that whoever gets the rest can tell what is missing. Undefined if nothing is known.
 */
export async function readKnown(context: Context) {
  const { except } = context.flags;
  if (except.length === 0) return undefined;
  const known = new Set<Digest>();
  for (const text of except) for (const digest of await digestsOf(context, text)) known.add(digest);
  return ({ digest, mediaType }: Descriptor) =>
    kindOf(mediaType) !== undefined || !known.has(digest);
}

async function digestsOf({ open, registry }: Context, text: string): Promise<Digest[]> {
  const place = reading(() => placeOnly(text, registry.schemes));
  const file = place.scheme === "dir" ? await statFile(place.path) : undefined;
  if (file && file.kind !== "folder") return await digestsIn(place.path);
  await using layout = await open(place, "read");
  return (await Array.fromAsync(layout.store.backend.blobs.list())).map(({ digest }) => digest);
}

function placeOnly(text: string, schemes: readonly string[]): Place {
  const { place, name, digest } = parseReference(text, schemes);
  if (name === undefined && digest === undefined) return place;
  throw usageError(`Cannot leave out ${JSON.stringify(text)}: a place or a file is needed`);
}

async function digestsIn(path: string): Promise<Digest[]> {
  const action = `Cannot read ${JSON.stringify(path)}`;
  const text = await readFile(path, "utf8").catch((error) =>
    Promise.reject(failedFile(error, "read", path))
  );
  return text.split("\n").flatMap((line, at) => {
    const digest = line.trim();
    if (digest === "") return [];
    if (!isDigest(digest)) throw usageError(`${action}: line ${at + 1} is no digest`);
    return [digest];
  });
}
