import {
  type Backend,
  type CommandContext,
  type Descriptor,
  type Digest,
  type ImageIndex,
  INDEX,
  isOciError,
  type Layout,
  loadFacts,
  OciError,
  openLayout,
  parseIndex,
  type Place,
  readNode,
  type Store,
  usable,
} from "../../../core/mod.ts";
import { rehearsed } from "../rehearsal.ts";

type Context = Pick<CommandContext, "clock" | "notice" | "open" | "registry" | "signal">;

/** How a lost index is made anew. */
export interface RebuildOptions {
  readonly "dry-run": boolean;
  readonly "lock-wait": number;
  readonly durability: "full" | "none";
}

/**
 * Opens a layout whose index is lost, and lists anew what is stored: what the index listed before it was lost, where
 * the store still knows that, and each manifest that no other one needs, without a name. Names that nobody knows any
 * more are gone.
 *
 * @throws {OciError} `refused` if the index is not lost.
 */
export async function openRebuilt(
  context: Context,
  place: Place,
  options: RebuildOptions,
): Promise<Layout> {
  const { clock, signal, notice } = context;
  const backend = await openBackend(context, await urlOf(context, place), options);
  const before = readIndex(await backend.docs.previous?.(INDEX));
  const doc = await backend.docs.load(INDEX);
  // What does not parse would never be overwritten.
  if (doc && !readIndex(doc.text)) await backend.docs.swap(INDEX, undefined, doc);
  const layout = await openLayout(backend, {
    mode: "write",
    wait: options["lock-wait"],
    clock,
    signal,
    onNotice: notice,
  });
  try {
    await assertLost(layout);
    await listAnew(layout, before);
    return layout;
  } catch (error) {
    await layout[Symbol.asyncDispose]();
    throw error;
  }
}

/** Where a place is, whether its index is lost or not. */
async function urlOf({ open }: Context, place: Place): Promise<URL> {
  try {
    await using layout = await open(place, "read");
    return layout.url;
  } catch (error) {
    if (isOciError(error, "corrupt") && error.url !== undefined) return new URL(error.url);
    throw error;
  }
}

/** Throws unless the index was made anew and lists nothing yet. */
async function assertLost(layout: Layout): Promise<void> {
  const { repaired } = await loadFacts(layout.store.backend.docs);
  const { length } = (await layout.index()).manifests;
  if (repaired !== undefined && length === 0) return;
  throw new OciError("refused", `Cannot rebuild the index: it is there, with ${length} entries`, {
    url: layout.url.href,
  });
}

async function listAnew({ store, notices }: Layout, before: ImageIndex | undefined): Promise<void> {
  const known: Descriptor[] = [];
  for (const entry of before ? usable(before) : []) {
    if (await store.backend.blobs.stat(entry.digest)) known.push(entry);
  }
  const listed = new Set(known.map(({ digest }) => digest));
  const others = (await unneeded(store)).filter(({ digest }) => !listed.has(digest));
  const entries = [...known, ...others];
  await store.root.edit((index) => ({ ...index, manifests: [...index.manifests, ...entries] }));
  const message = `Listed ${known.length} entries as before, ${others.length} without a name`;
  notices.push({ code: "rebuilt", message });
}

async function openBackend(
  { registry, clock, notice }: Context,
  url: URL,
  { "dry-run": dry, "lock-wait": wait, durability }: RebuildOptions,
): Promise<Backend> {
  const backend = await registry.open(url, {
    mode: dry ? "read" : "write",
    durability,
    wait,
    clock,
    notice: (code, message) => notice({ code, message }),
  });
  return dry ? rehearsed(url, backend) : backend;
}

function readIndex(text: string | undefined): ImageIndex | undefined {
  try {
    return text === undefined ? undefined : parseIndex(text);
  } catch (error) {
    if (isOciError(error, "corrupt")) return undefined;
    throw error;
  }
}

/** The stored manifests that no other stored one has as a child. */
async function unneeded(store: Store): Promise<Descriptor[]> {
  const nodes: Descriptor[] = [];
  const children = new Set<Digest>();
  for await (const { digest, size } of store.backend.blobs.list()) {
    if (size > store.limits.manifest) continue;
    try {
      const { mediaType, edges } = await readNode(store, { digest, size });
      nodes.push({ mediaType, digest, size });
      for (const edge of edges) children.add(edge.target.digest);
    } catch (error) {
      // Any blob that is no manifest ends up here.
      if (!isOciError(error, "corrupt", "not_found", "unsupported")) throw error;
    }
  }
  return nodes.filter(({ digest }) => !children.has(digest));
}
