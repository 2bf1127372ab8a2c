import type { Doc, Docs } from "./backend.ts";
import type { Clock } from "./clock.ts";
import { isOciError, messageOf, OciError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { check, type Schema } from "./schema.ts";

/** How long an edit is tried. */
export interface EditOptions {
  /** Time and chance. */
  readonly clock: Clock;
  /** Milliseconds until an edit that others keep overtaking fails; default 30 s. */
  readonly wait?: number;
  /** Milliseconds from which the pauses between attempts grow; default 5. */
  readonly base?: number;
  /** Ends the trying with `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

const LONGEST_PAUSE = 5_000;

/** The documents whose names begin with `prefix`, called by what follows it. */
export function docsBelow(docs: Docs, prefix: string): Docs {
  return {
    load: (name, options) => docs.load(prefix + name, options),
    swap: (name, text, seen) => docs.swap(prefix + name, text, seen),
    async *list(begin) {
      for await (const name of docs.list(prefix + begin)) yield name.slice(prefix.length);
    },
  };
}

/**
 * Changes a document by a pure function of its text, undefined where there is none: applied again to what stands there
 * whenever somebody else was faster. The same text back writes nothing. What stands in the end comes back.
 *
 * What stands there may hold the edit already, as a `conflict` may come after it had landed: an edit that is not to be
 * made twice must see that it was made.
 *
 * @throws {OciError} `conflict` when `wait` is over, `aborted`, `unavailable` where the outcome is unknown, and
 * whatever `edit` throws.
 */
export async function editDoc(
  docs: Docs,
  name: string,
  edit: (text: string | undefined) => string | undefined,
  { clock, wait = 30_000, base = 5, signal }: EditOptions,
): Promise<Doc | undefined> {
  const end = clock.elapsed() + wait;
  for (let attempt = 0;; attempt++) {
    if (signal?.aborted) throw aborted(name, signal.reason);
    const seen = await docs.load(name);
    const text = edit(seen?.text);
    if (text === seen?.text) return seen;
    try {
      return await docs.swap(name, text, seen);
    } catch (error) {
      if (!isOciError(error, "conflict")) throw error;
      const left = end - clock.elapsed();
      if (left <= 0) {
        const why = `others kept changing it for ${wait} ms`;
        throw new OciError("conflict", `Cannot edit "${name}": ${why}`, { cause: error });
      }
      const pause = clock.random() * Math.min(LONGEST_PAUSE, base * 2 ** attempt, left);
      // Whatever ended the sleep early shows at the next attempt.
      await clock.sleep(pause, signal).catch(() => {});
    }
  }
}

/**
 * As {@linkcode editDoc}, of a JSON document and its value. The same value back, not a copy, writes nothing.
 *
 * @throws {OciError} `corrupt` if the document is not what `schema` asks for, and as `editDoc` does.
 */
export async function editJson<T>(
  docs: Docs,
  name: string,
  schema: Schema<T>,
  edit: (value: T | undefined) => T | undefined,
  options: EditOptions,
): Promise<T | undefined> {
  let after: T | undefined;
  await editDoc(docs, name, (text) => {
    const before = readJson(name, schema, text);
    after = edit(before);
    if (after === before) return text;
    return after === undefined ? undefined : JSON.stringify(after);
  }, options);
  return after;
}

/** The value of a JSON document, undefined where there is none; throws `corrupt` if it is not what `schema` asks for. */
export async function loadJson<T>(
  docs: Pick<Docs, "load">,
  name: string,
  schema: Schema<T>,
): Promise<T | undefined> {
  return readJson(name, schema, (await docs.load(name))?.text);
}

/** The value of what a JSON document says; throws as {@linkcode loadJson}. */
export function readJson<T>(
  name: string,
  schema: Schema<T>,
  text: string | undefined,
): T | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new OciError("corrupt", `${messageOf(cause)} of "${name}"`, { cause });
  }
  return check(schema, value, "corrupt", `Cannot read "${name}"`);
}

function aborted(name: string, cause: unknown): OciError {
  return new OciError("aborted", `Cannot edit "${name}": ${messageOf(cause)}`, { cause });
}
