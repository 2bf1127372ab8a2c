import { OciError } from "../../core/mod.ts";
import type { Client, Reply } from "./client.ts";
import { connectionFailure, isFatal } from "./lost.ts";
import { bareEtag, headObject } from "./objects.ts";
import { pauseOf } from "./pace.ts";

/** Which bytes: from `start` up to, but not including, `end`. */
export interface Range {
  readonly start?: number;
  readonly end?: number;
}

const RESUMES = 5;

/** The bytes of a blob, gone on with where the connection was lost; throws `not_found` at the call. */
export async function readBlob(
  client: Client,
  key: string,
  what: string,
  { start = 0, end = Infinity }: Range = {},
): Promise<ReadableStream<Uint8Array>> {
  const action = `read ${what}`;
  if (start >= end) {
    if (await headObject(client, key, action)) return new Blob([]).stream();
    throw absent(action, client);
  }
  const first = await ask(start);
  if (first.status === 404) throw absent(action, client);
  if (first.status === 416) return new Blob([]).stream();
  const etag = bareEtag(first.headers["etag"]);
  let last = Math.min(end, endOf(first, start));
  let { body } = first;
  let skip = first.status === 200 ? start : 0;
  let at = start;
  let resumes = 0;

  /** The next chunk of this answer, without what was not asked for. */
  async function next(): Promise<Uint8Array | undefined> {
    while (true) {
      const chunk = await body.read();
      if (!chunk || skip < chunk.length) {
        const rest = chunk?.subarray(skip, skip + last - at);
        skip = 0;
        return rest;
      }
      skip -= chunk.length;
    }
  }

  async function resume(error: unknown): Promise<void> {
    if (isFatal(error) || ++resumes > RESUMES) {
      throw connectionFailure(error, action, client.where);
    }
    await client.clock.sleep(pauseOf(client.clock, resumes));
    const reply = await ask(at, etag);
    if (reply.status === 416) {
      // There is no more: the first answer had told a wrong length.
      last = at;
      return;
    }
    if (reply.status === 404 || reply.status === 412 || bareEtag(reply.headers["etag"]) !== etag) {
      reply.body.cancel();
      throw new OciError("conflict", `Cannot ${action}: it was replaced meanwhile`, {
        url: client.where.url,
      });
    }
    body = reply.body;
    skip = reply.status === 200 ? at : 0;
  }

  async function ask(from: number, seen?: string): Promise<Reply> {
    const whole = from === 0 && end === Infinity;
    return await client.send({
      operation: "GetObject",
      action,
      method: "GET",
      key,
      stream: true,
      accept: [404, 412, 416],
      headers: {
        ...(whole ? {} : { range: `bytes=${from}-${end === Infinity ? "" : end - 1}` }),
        ...(seen === undefined ? {} : { "if-match": `"${seen}"` }),
      },
    });
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (at < last) {
        let chunk: Uint8Array | undefined;
        try {
          chunk = await next();
          if (!chunk && last !== Infinity) throw new Error("the connection was lost");
        } catch (error) {
          await resume(error);
          continue;
        }
        if (!chunk) break;
        at += chunk.length;
        controller.enqueue(chunk);
        if (at < last) return;
      }
      body.cancel();
      controller.close();
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}

/** Where the blob ends, by the head of an answer; the end of time if it does not say. */
function endOf({ status, headers }: Reply, start: number): number {
  const total = Number(/\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] ?? NaN);
  if (!Number.isNaN(total)) return total;
  const length = Number(headers["content-length"] ?? NaN);
  return Number.isNaN(length) ? Infinity : length + (status === 200 ? 0 : start);
}

function absent(action: string, { where }: Client): OciError {
  return new OciError("not_found", `Cannot ${action}: it is not there`, { url: where.url });
}
