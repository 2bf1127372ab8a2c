import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Backend,
  type BlobInfo,
  clampRange,
  type Clock,
  decodeUtf8,
  type Digest,
  fileError,
  fileStream,
  fileWriter,
  OciError,
  uniqueName,
  writeTo,
} from "../../core/mod.ts";
import { isMember, type Member, readMembers } from "./members.ts";
import { COMMIT, FACTS, meaningOf } from "./names.ts";
import { noFile } from "./oddities.ts";
import { refusing, unwritable } from "./read_only.ts";

const WHY = "a stream is only read";

/** Blobs up to this size are kept for another look; larger ones are passed on as they come. */
const SMALL = 4 << 20;
/** The documents that matter, and how large they may be. */
const DOCS = new Map([["index.json", 64 << 20], ["oci-layout", 1 << 16], [FACTS, 1 << 16]]);

interface Kept {
  readonly size: number;
  /** Where it lies in the spool; undefined once it was passed on. */
  readonly at?: number;
}

/**
 * A layout that comes as a stream, read once, in order. What is asked for when it comes is passed on; what comes before
 * anybody asks is spooled. Where the index stands first, as Stowage writes it, little is; else all of it.
 */
export function openStreamIn(
  url: URL,
  input: AsyncIterable<Uint8Array>,
  clock: Clock,
): Backend {
  const source = input[Symbol.asyncIterator]();
  const path = join(tmpdir(), `stowage-${uniqueName(clock)}`);
  const docs = new Map<string, string>();
  const blobs = new Map<Digest, Kept>();
  /** Blobs that are links, or files with holes. */
  const strange = new Set<Digest>();
  const steps = readMembers();
  let spool: { file: FileHandle; end: number } | undefined;
  /** Bytes that were read and are not used yet. */
  let left: Uint8Array = new Uint8Array(0);
  let position = 0;
  let step = steps.next();
  /** The member whose bytes come next. */
  let waiting: { member: Member; digest: Digest } | undefined;
  let [ended, closed] = [false, false];
  let failed: { readonly error: unknown } | undefined;
  let first = true;
  let sealed = false;
  let turn: Promise<unknown> = Promise.resolve();

  async function more(): Promise<boolean> {
    const { done, value } = await source.next();
    if (!done) left = value;
    return !done;
  }
  /** At most so many bytes of what comes next; none at the end. */
  async function take(most: number): Promise<Uint8Array> {
    while (left.length === 0) if (!await more()) return left;
    const chunk = left.subarray(0, most);
    left = left.subarray(chunk.length);
    position += chunk.length;
    return chunk;
  }
  async function* body(length: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < length;) {
      const chunk = await take(length - at);
      if (chunk.length === 0) {
        throw new OciError("corrupt", "Cannot read the stream: it is cut short");
      }
      at += chunk.length;
      yield chunk;
    }
  }
  async function whole(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const chunk = await take(length - at);
      if (chunk.length === 0) break;
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes.subarray(0, at);
  }
  async function skipTo(offset: number): Promise<void> {
    for await (const _ of body(offset - position));
  }

  /** Goes on to the next blob, or to the end. What has failed once is not tried again: the bytes are gone. */
  async function advance(): Promise<void> {
    if (failed) throw failed.error;
    try {
      await goOn();
    } catch (error) {
      failed = { error };
      throw error;
    }
  }

  async function goOn(): Promise<void> {
    if (waiting) await store(waiting.member, waiting.digest);
    waiting = undefined;
    while (!step.done) {
      const { value } = step;
      if (!isMember(value)) {
        await skipTo(value.at);
        step = steps.next(await whole(value.length));
        continue;
      }
      const blob = await meet(value);
      step = steps.next(new Uint8Array(0));
      if (!blob) continue;
      waiting = { member: value, digest: blob };
      return;
    }
    ended = true;
  }

  async function meet(member: Member): Promise<Digest | undefined> {
    const meaning = meaningOf(member.name);
    const largest = meaning.kind === "doc" ? DOCS.get(meaning.name) : undefined;
    if (meaning.kind === "doc" && largest !== undefined && member.type !== "5") {
      if (member.type !== "0") throw noFile(`Cannot read "${meaning.name}"`);
      if (member.size > largest) {
        throw new OciError("size_exceeded", `Cannot read "${meaning.name}": it is too large`);
      }
      if (sealed && docs.has(meaning.name)) {
        const why = "its documents are said twice; save it as a file first";
        throw new OciError("unsupported", `Cannot read the stream: ${why}`);
      }
      docs.set(
        meaning.name,
        decodeUtf8(await whole(member.size), `Cannot read "${meaning.name}"`),
      );
      // As Stowage writes it, and nobody has added to it since: what it lists is known before the first blob.
      const isWhole = first && member.mtime === 0 && docs.has("oci-layout");
      sealed ||= isWhole && meaning.name === "index.json";
      return undefined;
    }
    if (member.name !== COMMIT) first = first && meaning.kind !== "blob";
    if (meaning.kind !== "blob") return undefined;
    if (member.type === "0") return meaning.digest;
    blobs.delete(meaning.digest);
    strange.add(meaning.digest);
    return undefined;
  }

  async function store({ size }: Member, digest: Digest): Promise<void> {
    try {
      if (!spool) {
        spool = { file: await open(path, "wx+", 0o600), end: 0 };
        // Nobody else has to see it, and nothing is left of it whatever happens.
        await rm(path, { force: true });
      }
      const { file, end } = spool;
      const writer = fileWriter(writeTo(file.fd), end);
      for await (const chunk of body(size)) await writer.write(chunk);
      await writer.flush();
      blobs.set(digest, { size, at: end });
      spool.end = end + size;
    } catch (error) {
      throw fileError(error, "Cannot keep what the stream brings");
    }
  }

  /** One after the other: the stream is read by one. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work, work);
    turn = mine.catch(() => {});
    return mine;
  }

  const find = async (digest: Digest): Promise<Kept | undefined> => {
    while (true) {
      if (waiting?.digest === digest) return { size: waiting.member.size };
      const kept = blobs.get(digest);
      if (kept || ended) return kept;
      await advance();
    }
  };
  const readDoc = async (name: string) => {
    while (!ended && !(sealed && (docs.has(name) || waiting))) await advance();
    return docs.get(name);
  };

  function live({ size }: Member, digest: Digest, start: number, end: number) {
    blobs.set(digest, { size });
    waiting = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    // Nobody else reads on before this body is over.
    void inTurn(() => promise);
    async function* part() {
      let at = 0;
      try {
        for await (const chunk of body(size)) {
          const piece = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
          at += chunk.length;
          if (piece.length > 0) yield piece.slice();
        }
      } finally {
        resolve();
      }
    }
    return ReadableStream.from(part());
  }

  const infoOf = (digest: Digest, { size }: Kept): BlobInfo => ({ digest, size, version: "1" });

  return {
    url,
    docs: {
      load: (name) =>
        inTurn(async () => {
          const text = await readDoc(name);
          return text === undefined ? undefined : { text, version: "1" };
        }),
      swap: refusing(WHY)("write to it"),
      async *list(prefix) {
        await inTurn(() => readDoc("index.json"));
        for (const name of docs.keys()) if (name.startsWith(prefix)) yield name;
      },
    },
    blobs: {
      ...unwritable(WHY),
      stat: (digest) =>
        inTurn(async () => {
          const kept = await find(digest);
          if (!kept && strange.has(digest)) throw noFile(`Cannot read ${digest}`, { digest });
          return kept && infoOf(digest, kept);
        }),
      read: (digest, range = {}) =>
        inTurn(async () => {
          const action = `Cannot read ${digest}`;
          const found = await find(digest);
          if (!found && strange.has(digest)) throw noFile(action, { digest });
          if (!found) throw new OciError("not_found", `${action}: it is not stored`, { digest });
          const { start, end } = clampRange(range, found.size, action);
          if (waiting?.digest === digest && found.size > SMALL) {
            return live(waiting.member, digest, start, end);
          }
          if (waiting?.digest === digest) await advance();
          const { at } = blobs.get(digest) ?? {};
          if (at === undefined || !spool) {
            throw new OciError("unavailable", `${action}: the stream has passed it`, { digest });
          }
          const close = () => Promise.resolve();
          return fileStream(spool.file.fd, { start: at + start, end: at + end, close }, action);
        }),
      async *list({ skip } = {}) {
        await inTurn(async () => {
          while (!ended) await advance();
        });
        for (const [digest, kept] of blobs) if (!skip?.(digest)) yield infoOf(digest, kept);
      },
    },
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await spool?.file.close();
      if (!ended) await source.return?.();
    },
  };
}
