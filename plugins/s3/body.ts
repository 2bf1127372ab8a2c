import { Buffer } from "node:buffer";
import type { ClientRequest, IncomingMessage } from "node:http";
import { systemClock } from "../../core/mod.ts";
import { abortError } from "./exchange.ts";
import type { Body, SendOptions } from "./transport.ts";

/** Bytes that are taken before they are asked for: each chunk by itself would cost a turn of the event loop. */
const AHEAD = 512 << 10;

/** The body of an answer as it is asked for: a reader that pauses stops the sender, and is no stall. */
export function bodyOf(
  incoming: IncomingMessage,
  outgoing: ClientRequest,
  { signal, patience }: Pick<SendOptions, "signal" | "patience">,
): Body {
  const { statusCode, headers } = incoming;
  const none = outgoing.method === "HEAD" || statusCode === 204 || statusCode === 304;
  const length = none ? 0 : Number(headers["content-length"] ?? NaN);
  const over = new AbortController();
  let queue: Uint8Array[] = [];
  let held = 0;
  let received = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  /** When the reader began to wait. */
  let since = 0;
  let watched = false;
  const awake = () => {
    wake?.();
    wake = undefined;
  };
  const stop = () => end(abortError(signal));
  const close = () => {
    ended = true;
    over.abort();
    signal?.removeEventListener("abort", stop);
  };
  const end = (error?: Error) => {
    if (ended) return;
    close();
    const cut = Number.isNaN(length) ? !incoming.complete : received < length;
    failure = cut || error?.name === "AbortError"
      ? error ?? new Error("the connection was lost within the answer")
      : undefined;
    // Who answered before all was sent wants no more of it on this connection.
    if (failure || !outgoing.writableEnded) outgoing.destroy();
    awake();
  };
  incoming.on("data", (chunk: Uint8Array) => {
    received += chunk.length;
    held += chunk.length;
    queue.push(chunk);
    if (held >= AHEAD) incoming.pause();
    awake();
  });
  incoming.on("end", () => end());
  incoming.on("close", () => end());
  incoming.on("error", end);
  outgoing.on("error", end);
  incoming.pause();
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });

  /** Ends it once a reader has waited for as long as patience lasts. */
  async function watch(): Promise<void> {
    while (!ended) {
      const left = wake ? since + patience - systemClock.elapsed() : patience;
      if (left <= 0) return end(new Error(`nothing came for ${patience} ms`));
      await systemClock.sleep(left, over.signal).catch(() => {});
    }
  }

  /** Waits for bytes or the end. */
  function more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    since = systemClock.elapsed();
    incoming.resume();
    if (!watched) void watch();
    watched = true;
    return promise;
  }

  return {
    async read() {
      while (queue.length === 0 && !ended) await more();
      const [first, ...rest] = queue;
      if (!first) {
        if (failure) throw failure;
        return undefined;
      }
      const bytes = rest.length === 0 ? first : Buffer.concat(queue, held);
      [queue, held] = [[], 0];
      if (!ended) incoming.resume();
      return bytes;
    },
    cancel() {
      if (ended) return;
      close();
      outgoing.destroy();
      awake();
    },
  };
}
