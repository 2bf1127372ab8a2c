import type { Doc } from "./backend.ts";
import type { Descriptor } from "./descriptor.ts";
import { isDigest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { emptyIndex, type ImageIndex, INDEX_TYPE, rowsBehind } from "./image_index.ts";
import { INDEX, isBlank } from "./index_reader.ts";
import { printIndex } from "./index_text.ts";
import { parseJson } from "./json.ts";
import { noteFacts } from "./layout_file.ts";
import { nameOf } from "./names.ts";
import { placeOf, type Store, timeOf } from "./store.ts";

const MARKER = "oci-layout";
const VERSION = "1.0.0";
const MARKER_TEXT = JSON.stringify({ imageLayoutVersion: VERSION });

/** Makes sure that a layout is there, by what is found and how it is opened. */
export async function prepare(store: Store): Promise<void> {
  const { docs } = store.backend;
  // The index first: a store that can tell more by one request than by two tells it with this one.
  const looked = await Promise.allSettled([loadIndex(store)]);
  const marker = await docs.load(MARKER, { limit: 1 << 16 });
  const blank = marker !== undefined && isBlank(marker.text);
  if (marker && !blank) checkMarker(store, marker);
  if (looked[0].status === "rejected") throw looked[0].reason;
  // Where somebody was making the layout meanwhile, its index was there before its marker.
  const index = looked[0].value ?? (marker && await loadIndex(store));
  if (!marker) return await create(store, index);
  if (blank && !index) throw broken(store, `"${MARKER}" and "${INDEX}" are empty`);
  if (blank) await repairMarker(store, marker);
  if (index) reportOdd(store, index);
  else await repairIndex(store);
}

/** The index; undefined if there is none, or nothing in it. */
async function loadIndex(store: Store): Promise<ImageIndex | undefined> {
  try {
    return await store.root.load();
  } catch (error) {
    if (isOciError(error, "corrupt") && /^(missing|empty)$/.test(error.reason ?? "")) {
      return undefined;
    }
    throw error;
  }
}

/** Makes what a layout needs, the file that says it is one last. */
async function create(store: Store, index: ImageIndex | undefined): Promise<void> {
  const url = placeOf(store);
  if (store.mode !== "create") {
    const hint = index
      ? `: it has an "${INDEX}" but no "${MARKER}"; opening it to create adds one`
      : "";
    throw new OciError("not_found", `Cannot open ${url}: no layout is there${hint}`, { url });
  }
  if (index) {
    reportOdd(store, index);
    store.notice({ code: "repaired", message: `Added "${MARKER}": only an index was there` });
  } else {
    await writeIndex(store);
  }
  await createDoc(store, MARKER, MARKER_TEXT, undefined);
}

async function repairMarker(store: Store, marker: Doc): Promise<void> {
  if (store.mode === "read") throw broken(store, `"${MARKER}" is empty`);
  await createDoc(store, MARKER, MARKER_TEXT, marker);
  store.notice({ code: "repaired", message: `Wrote "${MARKER}" anew: it was empty` });
}

/** An index made anew makes all that was stored garbage, so the layout is marked: nobody collects before a look. */
async function repairIndex(store: Store): Promise<void> {
  if (store.mode === "read") throw broken(store, `"${INDEX}" is missing or empty`);
  const repaired = new Date(await timeOf(store)).toISOString();
  await noteFacts(store.backend.docs, { repaired }, store);
  await writeIndex(store);
  store.notice({ code: "repaired", message: `Wrote "${INDEX}" anew: it was missing or empty` });
}

/** Writes an empty index where none is, or nothing in it. */
async function writeIndex(store: Store): Promise<void> {
  const seen = await store.backend.docs.load(INDEX, { limit: store.limits.index });
  if (!seen || isBlank(seen.text)) await createDoc(store, INDEX, printIndex(emptyIndex), seen);
  reportOdd(store, await store.root.load());
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
    `Cannot open ${placeOf(store)}: its layout version is ${quoted(version)}, not ${VERSION}`,
    { url: placeOf(store) },
  );
}

function markerVersion(text: string): string | undefined {
  try {
    const version = (parseJson(text) as { imageLayoutVersion?: unknown } | null)
      ?.imageLayoutVersion;
    return typeof version === "string" ? version : undefined;
  } catch (error) {
    if (isOciError(error, "corrupt")) return undefined;
    throw error;
  }
}

/** Reports what is odd about the index, without stumbling over it. */
function reportOdd(store: Store, index: ImageIndex): void {
  // It was told when Stowage first wrote over it; checks tell it always.
  if (rowsBehind(index)) return;
  const { mediaType, manifests } = index;
  if (mediaType && mediaType !== INDEX_TYPE) {
    const message = `The index has the media type ${quoted(mediaType)}`;
    store.notice({ code: "foreign_index", message });
  }
  const unusable = manifests.findIndex((entry) => !isPlausible(entry));
  if (unusable >= 0) {
    const nth = unusable + 1;
    const message = `Entry ${nth} of the index is no descriptor: such are kept, never resolved`;
    store.notice({ code: "unusable_entry", message });
  }
  const misnamed = manifests.find((entry) => isDigest(nameOf(entry)));
  if (misnamed) {
    const message = `An entry bears ${nameOf(misnamed)} as its name: it cannot be found by it`;
    store.notice({ code: "digest_as_name", message });
  }
}

/** Whether an entry has what it needs, at a glance: an index may have very many. */
function isPlausible(entry: Descriptor | null): boolean {
  return entry !== null && typeof entry === "object" && isDigest(entry.digest) &&
    Number.isSafeInteger(entry.size) && entry.size >= 0 &&
    typeof entry.mediaType === "string" && entry.mediaType !== "";
}

function quoted(value: unknown): string {
  return JSON.stringify(value).slice(0, 100);
}

function broken(store: Store, why: string): OciError {
  const url = placeOf(store);
  return new OciError("corrupt", `Cannot open ${url}: ${why}`, { url });
}
