import type { Doc, Docs } from "./backend.ts";
import type { Clock } from "./clock.ts";
import { isOciError, located, OciError } from "./errors.ts";
import type { ImageIndex } from "./image_index.ts";
import { parseIndex } from "./index_text.ts";

/** The name of the one mutable document that everything else hangs from. */
export const INDEX = "index.json";
/** How long a text that does not parse is read again: other tools rewrite the index in place. */
const TORN = 1_000;

/** An index that was read, and the document that said it. */
export interface Seen {
  readonly doc: Doc;
  readonly index: ImageIndex;
}

/** How the index is read. */
export interface ReaderOptions {
  /** Where it is, for errors. */
  readonly url: URL;
  /** Time and chance. */
  readonly clock: Clock;
  /** Most bytes the index may have. */
  readonly limit: number;
}

/** The index as it is now, parsed only where it has changed since the last look. */
export interface IndexReader {
  /** Looks; throws `corrupt` if it does not parse, with the reason `missing` or `empty` where nothing is said. */
  look(): Promise<Seen>;
  /** What was seen last, or written. */
  last: Seen | undefined;
}

/** Reads the index kept in `docs`. */
export function createReader(docs: Docs, { url, clock, limit }: ReaderOptions): IndexReader {
  const reader: IndexReader = {
    last: undefined,
    async look() {
      const until = clock.elapsed() + TORN;
      while (true) {
        try {
          const doc = await docs.load(INDEX, { limit });
          if (doc && doc.version === reader.last?.doc.version) return reader.last;
          return reader.last = { doc: full(doc), index: parseIndex(full(doc).text) };
        } catch (error) {
          const torn = isOciError(error, "corrupt") && error.reason !== "missing";
          if (!torn || clock.elapsed() >= until) throw located(error, url);
          await clock.sleep(20);
        }
      }
    },
  };
  return reader;
}

/** A document that says something; throws `corrupt` with the reason `missing` or `empty`. */
function full(doc: Doc | undefined): Doc {
  if (doc && !isBlank(doc.text)) return doc;
  const reason = doc ? "empty" : "missing";
  throw new OciError("corrupt", `Cannot read "${INDEX}": it is ${reason}`, { reason });
}

/** Whether a document holds nothing: no bytes, white space, or the NULs of a file that was never written. */
export function isBlank(text: string): boolean {
  return /^[\s\0]*$/.test(text);
}
