// Signed requests over node:http(s): `fetch` sends a PUT again of its own when a connection dies, inflates bodies, and
// loses the length of a stream. Nothing is tried twice here. Time is the machine's own: it is the network's.
import { Agent as PlainAgent, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { exchange } from "./exchange.ts";
import type { Signed } from "./signer.ts";

/** Sends some bytes, whose memory is the caller's again once it has resolved; false if no more are wanted. */
export type Send = (bytes: Uint8Array) => Promise<boolean>;

/** A body that is sent as it comes. */
export interface Flow {
  /** Its bytes. */
  readonly length: number;
  /** Sends all of them, each time it is called; what it throws ends the request. */
  pour(send: Send): Promise<void>;
}

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

function lengthOf(method: string, body: Signed["body"]): Record<string, string> {
  const length = body?.length ?? (method === "GET" || method === "HEAD" ? undefined : 0);
  return length === undefined ? {} : { "content-length": String(length) };
}
