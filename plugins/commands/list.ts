import {
  chosenBy,
  type CommandContext,
  defineBody,
  type Descriptor,
  type Digest,
  type FlagTable,
  type Info,
  type Layout,
  printPlatform,
  type Store,
  usageError,
  walkGraph,
} from "../../core/mod.ts";
import { type Entry, entryOf } from "./entry.ts";
import { bytes, columns } from "./text.ts";

const flags = {
  "include": { type: "text", many: true, placeholder: "GLOB", help: "only names like this" },
  "exclude": { type: "text", many: true, placeholder: "GLOB", help: "no names like this" },
  "untagged": { type: "switch", help: "also entries without a name" },
  "size": { type: "switch", help: "the bytes of all an entry reaches; reads the manifests" },
  "blobs": { type: "switch", help: "the stored blobs instead of the entries" },
  "filter": {
    type: "text",
    many: true,
    placeholder: "FILTER",
    help: "only blobs like this: digest, size and labels.KEY with ==, != or ~=",
  },
} as const satisfies FlagTable;

type Row = Entry & { readonly contentBytes?: number };

/** `stowage list`. */
export default defineBody({
  usage: "PLACE",
  details:
    "Names, digests, kinds and platforms, out of the index alone. -q: only the names, or the digests.",
  flags,
  examples: [
    "stowage list ./store",
    "stowage list --include 'release-*' --size ./store",
    "stowage list --blobs --filter 'labels.team==web' ./store",
  ],
  positionals: [1, 1],
  async run(context) {
    const { flags: { blobs, filter, include, exclude, untagged, size } } = context;
    if (filter.length > 0 && !blobs) throw usageError('Cannot take "--filter" without "--blobs"');
    if (blobs && (include.length > 0 || exclude.length > 0 || untagged || size)) {
      throw usageError('Cannot take "--blobs" with what chooses entries: use "--filter"');
    }
    const [text = ""] = context.positionals;
    const place = context.place(text);
    await using layout = await context.open(place, "read");
    const { data, lines } = blobs
      ? await blobsOf(context, layout)
      : await entriesOf(context, layout);
    await context.result({
      schema: "stowage.list/1",
      place: context.print({ place }),
      data,
      lines,
    });
  },
});

async function entriesOf(
  { flags: { include, exclude, untagged, size }, quiet }: CommandContext<typeof flags>,
  layout: Layout,
) {
  const chosen = chosenBy(include, exclude);
  const entries: Row[] = [];
  const sizes = new Map<Digest, number>();
  for (const { name, descriptor } of await layout.references({ untagged })) {
    if (name !== "" && !chosen(name)) continue;
    const entry = entryOf(descriptor);
    if (!size) {
      entries.push(entry);
      continue;
    }
    const contentBytes = sizes.get(entry.digest) ?? await contentOf(layout.store, descriptor);
    sizes.set(entry.digest, contentBytes);
    entries.push({ ...entry, contentBytes });
  }
  return { data: { entries }, lines: quiet ? entries.map(titleOf) : columns(entries.map(rowOf)) };
}

function titleOf({ names: [name] = [], digest }: Entry): string {
  return name ?? digest;
}

function rowOf({ names: [name = "-"] = [], digest, kind, platform, contentBytes }: Row): string[] {
  const content = contentBytes === undefined ? [] : [bytes(contentBytes)];
  return [name, digest, kind, platform ? printPlatform(platform) : "-", ...content];
}

/** The bytes of all an entry reaches, each blob once, as its manifests tell them. */
async function contentOf(store: Store, entry: Descriptor): Promise<number> {
  const counted = new Set<Digest>();
  let sum = 0;
  const walk = walkGraph(store, [entry], { sparse: true, onBroken: () => false });
  for await (const { target: { digest, size } } of walk) {
    if (!counted.has(digest)) sum += Math.max(0, size);
    counted.add(digest);
  }
  return sum;
}

async function blobsOf(
  { flags: { filter }, quiet }: CommandContext<typeof flags>,
  layout: Layout,
) {
  const blobs: Info[] = [];
  for await (const { digest, size, createdAt, updatedAt, labels } of layout.walk(...filter)) {
    blobs.push({ digest, size, createdAt, updatedAt, labels });
  }
  const lines = quiet ? blobs.map(({ digest }) => digest) : columns(blobs.map(blobRow));
  return { data: { blobs }, lines };
}

function blobRow({ digest, size, createdAt, labels }: Info): string[] {
  const said = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [digest, bytes(size), createdAt.toISOString(), ...said];
}
