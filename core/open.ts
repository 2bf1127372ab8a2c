import type { Backend, Doc, Durability, OpenMode } from "./backend.ts";
import { type Clock, systemClock } from "./clock.ts";
import { isOciError, OciError } from "./errors.ts";
import { createStamps } from "./fence.ts";
import type { Hook, Notice } from "./hook.ts";
import { emptyIndex, INDEX_TYPE, isUsable, printIndex } from "./image_index.ts";
import { parseJson } from "./json.ts";
import { loadFacts, noteFacts } from "./layout_file.ts";
import { leaseLock } from "./lease.ts";
import { isDigest } from "./digest.ts";
import { nameOf } from "./names.ts";
import { INDEX, isBlank, openRoot } from "./root.ts";
import { defaultLimits, type Limits, placeOf, type Store } from "./store.ts";
import { timeOf } from "./edit.ts";

/** How a layout is opened. */
export interface OpenOptions {
  /** `read` (the default) never writes, `write` needs a layout, `create` makes one. */
  readonly mode?: OpenMode;
  /** Take part in what the layout does. */
  readonly hooks?: readonly Hook[];
  /** Declare that children may be missing. */
  readonly sparse?: boolean;
  /** Whether success waits for the disk; default `full`. */
  readonly durability?: Durability;
  /** What nothing may pass, in bytes. */
  readonly limits?: Partial<Limits>;
  /** Milliseconds to wait for other writers; default 30,000. */
  readonly wait?: number;
  /** Told of what is odd, besides `layout.notices`. */
  readonly onNotice?: (notice: Notice) => void;
  /** Ends what the layout does with `aborted`. */
  readonly signal?: AbortSignal;
  /** Time and chance. */
  readonly clock?: Clock;
}

const MARKER = "oci-layout";
const VERSION = "1.0.0";
const MARKER_TEXT = JSON.stringify({ imageLayoutVersion: VERSION });

/** What the parts of a layout share, once its place is known to be one. */
export async function openStore(
  backend: Backend,
  options: OpenOptions,
  notice: (notice: Notice) => void,
): Promise<Store> {
  const { mode = "read", wait = 30_000, clock = systemClock, hooks = [], signal } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const store: Store = {
    backend,
    mode,
    root: openRoot(backend.docs, { clock, wait, limit: limits.index }),
    stamps: createStamps(backend.blobs),
    lock: backend.lock ?? leaseLock(backend.docs, { clock }),
    hooks,
    limits,
    clock,
    wait,
    signal,
    sparse: false,
    notice,
  };
  await prepare(store);
  if (options.sparse && mode !== "read") await noteFacts(backend.docs, { sparse: true }, store);
  store.sparse = options.sparse === true || (await loadFacts(backend.docs)).sparse === true;
  return store;
}

/** Makes sure that a layout is there, by what is found and how it is opened. */
async function prepare(store: Store): Promise<void> {
  const { docs } = store.backend;
  const marker = await docs.load(MARKER, { limit: 1 << 16 });
  const index = await docs.load(INDEX, { limit: store.limits.index });
  if (!marker) return await withoutMarker(store, index);
  if (isBlank(marker.text)) {
    if (!index || isBlank(index.text)) throw broken(store, `"${MARKER}" and "${INDEX}" are empty`);
    await checkIndex(store);
    if (store.mode === "read") throw broken(store, `"${MARKER}" is empty`);
    await docs.swap(MARKER, MARKER_TEXT, marker);
    return store.notice({ code: "repaired", message: `Wrote "${MARKER}" anew: it was empty` });
  }
  checkMarker(store, marker);
  if (!index || isBlank(index.text)) return await withoutIndex(store);
  await checkIndex(store);
}

async function withoutMarker(store: Store, index: Doc | undefined): Promise<void> {
  const { url } = store.backend;
  if (store.mode !== "create") {
    const hint = index ? `: there is an "${INDEX}" but no "${MARKER}"; opening it to create adds one` : "";
    throw new OciError("not_found", `Cannot open ${url.href}: no layout is there${hint}`, {
      url: url.href,
    });
  }
  if (index && !isBlank(index.text)) {
    await checkIndex(store);
    store.notice({ code: "repaired", message: `Added "${MARKER}": only an index was there` });
  } else {
    await createDoc(store, INDEX, printIndex(emptyIndex), index);
  }
  await createDoc(store, MARKER, MARKER_TEXT, undefined);
  await store.root.load();
}

/** Makes a document; another process that was first with the same is fine. */
async function createDoc(store: Store, name: string, text: string, seen: Doc | undefined) {
  try {
    await store.backend.docs.swap(name, text, seen);
  } catch (error) {
    if (!isOciError(error, "conflict")) throw error;
  }
}

function checkMarker(store: Store, marker: Doc): void {
  const version = markerVersion(marker.text);
  if (version === VERSION) return;
  if (version === undefined) throw broken(store, `"${MARKER}" does not say a version`);
  throw new OciError(
    "unsupported",
    `Cannot open ${placeOf(store)}: its layout version is ${JSON.stringify(version)}, not ${VERSION}`,
    { url: placeOf(store) },
  );
}

function markerVersion(text: string): string | undefined {
  try {
    const version = (parseJson(text) as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion;
    return typeof version === "string" ? version : undefined;
  } catch (error) {
    if (isOciError(error, "corrupt")) return undefined;
    throw error;
  }
}

/** An index that is missing or empty: other tools rewrite it in place, so it is looked at for a while first. */
async function withoutIndex(store: Store): Promise<void> {
  try {
    await store.root.load();
    return;
  } catch (error) {
    if (store.mode === "read" || !isOciError(error, "corrupt")) throw error;
  }
  const { docs } = store.backend;
  const seen = await docs.load(INDEX, { limit: store.limits.index });
  if (!seen || isBlank(seen.text)) {
    const repaired = new Date(await timeOf(store)).toISOString();
    await noteFacts(docs, { repaired }, store);
    await createDoc(store, INDEX, printIndex(emptyIndex), seen);
    const message = `Wrote "${INDEX}" anew: it was ${seen ? "empty" : "missing"}`;
    store.notice({ code: "repaired", message });
  }
  await checkIndex(store);
}

/** Reads the index and reports what is odd about it. */
async function checkIndex(store: Store): Promise<void> {
  const index = await store.root.load();
  if (index.mediaType && index.mediaType !== INDEX_TYPE) {
    const message = `The index has the media type ${JSON.stringify(index.mediaType)}`;
    store.notice({ code: "foreign_index", message });
  }
  for (const [at, entry] of index.manifests.entries()) {
    const plausible = entry !== null && typeof entry === "object" && isDigest(entry.digest) &&
      Number.isSafeInteger(entry.size) && entry.size >= 0 && typeof entry.mediaType === "string";
    if (plausible || isUsable(entry)) {
      const name = nameOf(entry);
      if (!isDigest(name)) continue;
      const message = `An entry bears the digest ${name} as its name: it cannot be found by it`;
      store.notice({ code: "digest_as_name", message });
    } else {
      const message = `Entry ${at + 1} of the index is no descriptor: it is kept, never resolved`;
      store.notice({ code: "unusable_entry", message });
    }
  }
}

function broken(store: Store, why: string): OciError {
  const url = placeOf(store);
  return new OciError("corrupt", `Cannot open ${url}: ${why}`, { url });
}
