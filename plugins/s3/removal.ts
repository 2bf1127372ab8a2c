import { type BlobInfo, type Blobs, isOciError, OciError, type Removal } from "../../core/mod.ts";
import { deleteRequest, type Term } from "./delete_request.ts";
import type { Call, Tried } from "./client.ts";
import { connectionFailure, isFatal } from "./lost.ts";
import { deleteObject, headObject } from "./objects.ts";
import { pauseOf } from "./pace.ts";
import type { Place } from "./place.ts";
import { failureOf, remedyOf, type Trouble } from "./trouble.ts";
import { blobKey } from "./blob_key.ts";
import { childrenOf, parseXml, textOf } from "./xml.ts";

const BATCH = 1000;
/** Batches in flight. */
const AT_ONCE = 4;

/**
 * Deletes blobs a thousand at a time. With a deadline each request is signed once, for so long, and goes out again
 * unchanged until it was answered or is over: the server enforces it. Where no collector asks, each blob is looked at
 * first, so that the answers tell what was absent or replaced.
 */
export function removeBlobs(place: Place): Blobs["delete"] {
  const { client } = place;
  const { clock } = client;
  const now = () => client.time.now() ?? clock.now();

  return async (seen, { until, batch, signal } = {}) => {
    place.assertWritable("delete blobs");
    const answers = new Map<number, Removal>();
    const say = (at: number, blob: BlobInfo, outcome: Removal["outcome"], error?: OciError) =>
      answers.set(at, { digest: blob.digest, outcome, ...(error ? { error } : {}) });
    const todo: number[] = [];
    const looks = until === undefined && batch === undefined;
    await inTurns(seen, looks ? 32 : Infinity, async (blob, at) => {
      if (signal?.aborted) return void say(at, blob, "failed", stopped(blob));
      const there = looks
        ? await headObject(client, blobKey(place, blob.digest), `delete ${blob.digest}`)
        : undefined;
      if (looks && !there) say(at, blob, "absent");
      else if (looks && blob.version !== undefined && there?.etag !== blob.version) {
        say(at, blob, "replaced");
      } else todo.push(at);
    });
    const batches: number[][] = [];
    while (todo.length > 0) batches.push(todo.splice(0, BATCH));
    await inTurns(batches, AT_ONCE, async (some) => {
      const blobs = some.flatMap((at) => seen[at] ?? []);
      const outcomes = await removeBatch(blobs, until, signal);
      outcomes.forEach((removal, i) => answers.set(some[i] ?? -1, removal));
    });
    return seen.flatMap((_, at) => answers.get(at) ?? []);
  };

  async function removeBatch(
    blobs: readonly BlobInfo[],
    until: Date | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Removal[]> {
    const keys = blobs.map(({ digest }) => blobKey(place, digest));
    const term = until && termOf(until);
    if (until && !term) return blobs.map((blob) => failed(blob, stopped(blob)));
    if (!until && place.ability.known?.batch === "single") return await removeSingly(blobs, keys);
    const call = { ...await deleteRequest(client, keys, term), signal };
    const { reply, trouble, lost } = await sendUntil(call, until?.getTime());
    if (reply && !lost) return answersOf(reply.bytes, keys, blobs);
    if (!trouble || lost) return blobs.map(({ digest }) => ({ digest, outcome: "unknown" }));
    const error = failureOf(trouble, call.action, client.where);
    return blobs.map((blob) => failed(blob, error));
  }

  async function removeSingly(blobs: readonly BlobInfo[], keys: string[]): Promise<Removal[]> {
    const answers: Removal[] = [];
    await inTurns(blobs, 32, async (blob, at) => {
      const { digest } = blob;
      try {
        await deleteObject(client, keys[at] ?? "", `delete ${digest}`);
        answers[at] = { digest, outcome: "removed" };
      } catch (error) {
        if (!isOciError(error)) throw error;
        answers[at] = failed(blob, error);
      }
    });
    return answers;
  }

  /** The time that is left, whole seconds of it; nothing if it is over. */
  function termOf(until: Date): Term | undefined {
    const from = Math.floor(now() / 1000) * 1000;
    const seconds = Math.floor((until.getTime() - from) / 1000);
    return seconds > 0 ? { from, seconds } : undefined;
  }

  /**
   * Sends the same request until it is answered. With a deadline, one copy that was never answered leaves all in doubt:
   * it may still arrive.
   */
  async function sendUntil(
    call: Call,
    until: number | undefined,
  ): Promise<Partial<Tried> & { readonly lost: boolean }> {
    let lost = false;
    for (let tries = 1; until === undefined || now() < until; tries++) {
      if (call.signal?.aborted) break;
      let pause = pauseOf(clock, tries);
      try {
        const tried = await client.attempt(call);
        const { trouble } = tried;
        const remedy = trouble ? remedyOf(trouble) : "none";
        const final = remedy !== "again" && remedy !== "slower";
        if (!trouble || final || (until === undefined && tries >= 6)) return { ...tried, lost };
        if (until !== undefined && trouble.status > 503) lost = true;
        pause = Math.max(pause, trouble.after ?? 0);
      } catch (error) {
        if (isOciError(error)) throw error;
        if (isFatal(error)) break;
        if (until === undefined && tries >= 6) {
          throw connectionFailure(error, call.action, client.where);
        }
        lost = until !== undefined;
      }
      await clock.sleep(pause, call.signal).catch(() => {});
    }
    return { lost: true };
  }

  function answersOf(
    bytes: Uint8Array,
    keys: readonly string[],
    blobs: readonly BlobInfo[],
  ): Removal[] {
    const root = parseXml(new TextDecoder().decode(bytes));
    const deleted = new Set(
      (root ? childrenOf(root, "Deleted") : []).map((entry) => textOf(entry, "Key")),
    );
    const errors = new Map(
      (root ? childrenOf(root, "Error") : []).map((entry): [string, Trouble] => [
        textOf(entry, "Key") ?? "",
        { status: 403, code: textOf(entry, "Code") ?? "", message: textOf(entry, "Message") ?? "" },
      ]),
    );
    return blobs.map((blob, at): Removal => {
      const { digest } = blob;
      const key = keys[at] ?? "";
      const trouble = errors.get(key);
      if (deleted.has(key)) return { digest, outcome: "removed" };
      if (!trouble || /^(InternalError|SlowDown|ServiceUnavailable)$/.test(trouble.code)) {
        return { digest, outcome: "unknown" };
      }
      if (trouble.code === "NoSuchKey") return { digest, outcome: "absent" };
      if (trouble.code === "PreconditionFailed") return { digest, outcome: "replaced" };
      return failed(blob, failureOf(trouble, `delete ${digest}`, client.where));
    });
  }
}

const failed = ({ digest }: BlobInfo, error: OciError): Removal => ({
  digest,
  outcome: "failed",
  error,
});

function stopped({ digest }: BlobInfo): OciError {
  return new OciError("aborted", `Cannot delete ${digest}: time is up`, { digest });
}

async function inTurns<T>(
  items: readonly T[],
  most: number,
  work: (item: T, at: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const worker = async () => {
    for (const [at, item] of queue) await work(item, at);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}
