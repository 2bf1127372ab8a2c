import type { ClientRequest, IncomingMessage } from "node:http";
import { systemClock } from "../../core/mod.ts";
import { bodyOf } from "./body.ts";
import type { Signed } from "./signer.ts";
import type { Answer, Send, SendOptions } from "./transport.ts";

const CONNECT = 10_000;
const SLICE = 256 << 10;

/** Sends the body and waits for the head of the answer, whichever comes first: a server may refuse early. */
export function exchange(
  outgoing: ClientRequest,
  body: Signed["body"],
  { signal, patience, dawdle = 0 }: SendOptions,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const over = new AbortController();
  let progress = systemClock.elapsed();
  let limit = Math.min(CONNECT, patience);
  let answer: IncomingMessage | undefined;
  const fail = (error: Error) => {
    over.abort();
    reject(error);
    outgoing.destroy();
  };
  const stop = () => fail(abortError(signal));
  signal?.addEventListener("abort", stop, { once: true });
  const settle = () => {
    over.abort();
    signal?.removeEventListener("abort", stop);
  };
  // Both stay for life: a cut connection may speak up on either, even after a whole answer.
  outgoing.on("error", (error) => {
    if (answer) return;
    settle();
    reject(error);
  });
  outgoing.on("socket", (socket) => {
    const connected = () => {
      progress = systemClock.elapsed();
      limit = patience;
    };
    if (!socket.connecting) connected();
    else socket.once("connect", connected);
  });
  outgoing.on("response", (incoming) => {
    answer = incoming;
    settle();
    resolve({
      status: incoming.statusCode ?? 0,
      headers: headersOf(incoming),
      body: bodyOf(incoming, outgoing, { signal, patience }),
    });
  });
  /** Whether the server has all that there is, and more is to come: then its silence is not its own. */
  let idle = false;
  const watch = async () => {
    while (!over.signal.aborted) {
      const left = idle ? limit : progress + limit - systemClock.elapsed();
      if (left <= 0) return fail(new Error(`nothing came for ${Math.round(limit)} ms`));
      await systemClock.sleep(left, over.signal).catch(() => {});
    }
  };
  let wake: (() => void) | undefined;
  outgoing.on("close", () => wake?.());
  over.signal.addEventListener("abort", () => wake?.(), { once: true });
  const heed = () => {
    progress = systemClock.elapsed();
    idle = false;
  };
  const isOver = () => answer !== undefined || outgoing.destroyed;
  const send: Send = async (bytes) => {
    if (isOver()) return false;
    if (bytes.length === 0) return true;
    heed();
    await new Promise<void>((resolve) => {
      wake = resolve;
      outgoing.write(bytes, () => resolve());
    });
    idle = true;
    return !isOver();
  };
  const write = async () => {
    if (body instanceof Uint8Array) await sendSlices(body, send, dawdle, over.signal);
    else await body?.pour(send);
    heed();
    if (!isOver()) outgoing.end();
  };
  if (signal?.aborted) stop();
  else {
    void watch();
    // Once there is an answer, it counts, whatever becomes of the rest of the body.
    write().catch((error) => isOver() || fail(error));
  }
  return promise;
}

/** Sends bytes a slice at a time, and waits before each but the first if it is to dawdle. */
async function sendSlices(
  bytes: Uint8Array,
  send: Send,
  dawdle: number,
  over: AbortSignal,
): Promise<void> {
  const step = dawdle > 0 ? Math.max(1, bytes.length >> 1) : SLICE;
  for (let at = 0; at < bytes.length; at += step) {
    if (at > 0 && dawdle > 0) await systemClock.sleep(dawdle, over).catch(() => {});
    if (!await send(bytes.subarray(at, at + step))) return;
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value ?? "",
    ]),
  );
}

/** What a fired signal is to whoever waits. */
export function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error("the call was aborted", { cause: signal?.reason });
  error.name = "AbortError";
  return error;
}
