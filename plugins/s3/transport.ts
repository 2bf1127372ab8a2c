// Signed requests over node:http(s): `fetch` sends a PUT again of its own when a connection dies, inflates bodies, and
// loses the length of a stream. Nothing is tried twice here. Time is the machine's own: it is the network's.
import { Agent as PlainAgent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { systemClock } from "../../core/mod.ts";
import { bodyOf } from "./body.ts";
import type { Signed } from "./signer.ts";

/** The bytes of an answer, as they are asked for. */
export interface Body {
  /** The next bytes, undefined at the end; throws if the connection was lost before. */
  read(): Promise<Uint8Array | undefined>;
  /** No more is needed. */
  cancel(): void;
}

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** How a request is sent. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether it may go over a connection that was used before, where a runtime may send it twice. */
  readonly reuse: boolean;
  /** Milliseconds to wait half-way through the body. */
  readonly dawdle?: number;
  /** Milliseconds without a byte of the answer before it is given up. */
  readonly patience: number;
}

/** Sends a request once. */
export type Transport = (signed: Signed, options: SendOptions) => Promise<Answer>;

const CONNECT = 10_000;
const SLICE = 256 << 10;

/** Connections to servers; to be closed in the end. */
export function httpTransport(ca?: string): { readonly send: Transport; close(): void } {
  const options = { keepAlive: true, maxSockets: 64 };
  const trust = ca === undefined ? {} : { ca };
  const plain = new PlainAgent(options);
  const secure = new SecureAgent({ ...options, ...trust });
  return {
    close() {
      plain.destroy();
      secure.destroy();
    },
    send({ method, url, headers, body }, sending) {
      const { hostname, port, pathname, search } = url;
      const https = url.protocol === "https:";
      const outgoing = (https ? secureRequest : request)({
        method,
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? (https ? 443 : 80) : Number(port),
        path: pathname + search,
        headers: { ...headers, host: url.host, ...lengthOf(method, body) },
        agent: sending.reuse ? (https ? secure : plain) : false,
        ...(https ? trust : {}),
      });
      return exchange(outgoing, body, sending);
    },
  };
}

function lengthOf(method: string, body: Uint8Array | undefined): Record<string, string> {
  const length = body?.length ?? (method === "GET" || method === "HEAD" ? undefined : 0);
  return length === undefined ? {} : { "content-length": String(length) };
}

/** Sends the body and waits for the head of the answer, whichever comes first: a server may refuse early. */
function exchange(
  outgoing: ClientRequest,
  body: Uint8Array | undefined,
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
  const watch = async () => {
    while (!over.signal.aborted) {
      const left = progress + limit - systemClock.elapsed();
      if (left <= 0) return fail(new Error(`nothing came for ${Math.round(limit)} ms`));
      await systemClock.sleep(left, over.signal).catch(() => {});
    }
  };
  let wake: (() => void) | undefined;
  for (const event of ["drain", "close"] as const) outgoing.on(event, () => wake?.());
  over.signal.addEventListener("abort", () => wake?.(), { once: true });
  const write = async () => {
    const length = body?.length ?? 0;
    const step = dawdle > 0 ? Math.max(1, length >> 1) : SLICE;
    for (let at = 0; at < length && !answer; at += step) {
      if (at > 0 && dawdle > 0) await systemClock.sleep(dawdle, over.signal).catch(() => {});
      if (outgoing.destroyed) return;
      const slice = body?.subarray(at, at + step);
      if (!outgoing.write(slice)) await new Promise<void>((room) => wake = room);
      progress = systemClock.elapsed();
    }
    if (!answer) outgoing.end();
  };
  if (signal?.aborted) stop();
  else {
    void watch();
    void write();
  }
  return promise;
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
