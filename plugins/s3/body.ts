import type { ClientRequest, IncomingMessage } from "node:http";
import { systemClock } from "../../core/mod.ts";
import { abortError, type Body, type SendOptions } from "./transport.ts";

/** The body of an answer as it is asked for: a reader that pauses stops the sender, and is no stall. */
export function bodyOf(
  incoming: IncomingMessage,
  outgoing: ClientRequest,
  { signal, patience }: Pick<SendOptions, "signal" | "patience">,
): Body {
  const { statusCode, headers } = incoming;
  const none = outgoing.method === "HEAD" || statusCode === 204 || statusCode === 304;
  const length = none ? 0 : Number(headers["content-length"] ?? NaN);
  const queue: Uint8Array[] = [];
  let received = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const awake = () => {
    wake?.();
    wake = undefined;
  };
  const stop = () => end(abortError(signal));
  const end = (error?: Error) => {
    if (ended) return;
    ended = true;
    signal?.removeEventListener("abort", stop);
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
    queue.push(chunk);
    incoming.pause();
    awake();
  });
  incoming.on("end", () => end());
  incoming.on("close", () => end());
  incoming.on("error", end);
  outgoing.on("error", end);
  incoming.pause();
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });

  /** Waits for bytes or the end, at most as long as patience lasts. */
  async function more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    incoming.resume();
    const woken = new AbortController();
    const late = async () => {
      await systemClock.sleep(patience, woken.signal).catch(() => {});
      if (!woken.signal.aborted) end(new Error(`nothing came for ${patience} ms`));
    };
    void late();
    await promise;
    woken.abort();
  }

  return {
    async read() {
      while (queue.length === 0 && !ended) await more();
      const chunk = queue.shift();
      if (chunk) return chunk;
      if (failure) throw failure;
      return undefined;
    },
    cancel() {
      if (ended) return;
      ended = true;
      signal?.removeEventListener("abort", stop);
      outgoing.destroy();
      awake();
    },
  };
}
