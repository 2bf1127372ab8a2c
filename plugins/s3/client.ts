// Requests to one bucket: signed, counted, paced, repaired once where that is safe, tried again where it is idempotent.
import { Buffer } from "node:buffer";
import { type Clock, OciError } from "../../core/mod.ts";
import type { Address } from "./address.ts";
import type { CredentialSource } from "./credentials.ts";
import { encodeKey, encodeQuery } from "./keys.ts";
import { createPace, pauseOf } from "./pace.ts";
import { type Credentials, EMPTY_HASH, type Scope, type Signed, signHeaders } from "./signer.ts";
import { connectionFailure, isFatal } from "./lost.ts";
import { createServerTime, type ServerTime } from "./server_time.ts";
import type { Body, Flow, Transport } from "./transport.ts";
import { failureOf, remedyOf, type Trouble, troubleOf, type Where } from "./trouble.ts";
import { count, createUsage, type Usage } from "./usage.ts";
import { createHost, type Host } from "./host.ts";
import { sha256 } from "./hash.ts";

/** What is asked of the bucket. */
export interface Call {
  /** S3's name of the operation. */
  readonly operation: string;
  /** For people: what fails if it fails, such as `read "index.json"`. */
  readonly action: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Without it the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Flow;
  /** The SHA-256 of the body in hex: of one that is sent as it comes, else if it is known. */
  readonly hash?: string;
  /** Statuses that are answers, besides those of success. */
  readonly accept?: readonly number[];
  /** Leaves the body of a success to be read. */
  readonly stream?: boolean;
  /** Most bytes of a body that is not left to be read. */
  readonly limit?: number;
  /** On a connection of its own, so that no runtime sends it twice. */
  readonly fresh?: boolean;
  /** Milliseconds to wait half-way through the body, to see what a server makes of it. */
  readonly dawdle?: number;
  /** Milliseconds to wait for the next byte of the answer. */
  readonly patience?: number;
  readonly signal?: AbortSignal | undefined;
  /** Signed beforehand: it goes out as it is. */
  readonly signed?: Signed;
}

/** An answer that was taken: its bytes, or a body still to be read. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  readonly body: Body;
}

/** One try: an answer, or what the server had against it. A lost connection throws. */
export type Tried = { readonly reply: Reply; readonly trouble?: undefined } | {
  readonly reply?: undefined;
  readonly trouble: Trouble;
};

/** What a client needs to know. */
export interface ClientOptions {
  readonly address: Address;
  readonly endpoint?: URL;
  readonly region?: string;
  readonly credentials: CredentialSource;
  readonly transport: Transport;
  readonly clock: Clock;
  /** The longest that a server may be silent, in milliseconds. */
  readonly patience?: number;
}

/** A bucket as it can be asked. */
export interface Client {
  readonly where: Where;
  readonly address: Address;
  readonly clock: Clock;
  readonly usage: Usage;
  readonly time: ServerTime;
  /** Tries once, repairs included that leave no doubt; throws what the connection threw. */
  attempt(call: Call): Promise<Tried>;
  /** Asks until there is an answer, six times at most; for what may be done twice. */
  send(call: Call): Promise<Reply>;
  /** The URL of a key. */
  urlOf(key?: string, query?: Readonly<Record<string, string>>): URL;
  /** What is needed to sign a request by hand; nothing for who is anonymous. */
  scope(): Promise<Scope | undefined>;
  /** Whether two clients reach the same server as the same user. */
  isSame(other: Client): Promise<boolean>;
}

const PATIENCE = 30_000;
const TRIES = 6;
const SUM = "x-amz-checksum-sha256";
const SMALL = 16 << 20;

/** A client for the bucket of an address. */
export function createClient(options: ClientOptions): Client {
  const { address, credentials, transport, clock } = options;
  const host: Host = createHost(address, options.endpoint, options.region);
  const usage = createUsage();
  const time = createServerTime(clock);
  const pace = createPace();
  let cache = new Map<string, ArrayBuffer>();
  let holder: Credentials | undefined;
  /** Whether sums go with what is stored, beside its signed hash: not every server bears them. */
  let sums = true;

  const client: Client = {
    where: {
      url: address.url.href,
      bucket: address.bucket,
      get endpoint() {
        return host.endpoint;
      },
    },
    address,
    clock,
    usage,
    time,
    attempt,
    send,
    scope,
    urlOf: (key, query = {}) => {
      const search = encodeQuery(query);
      return new URL(
        `${host.base}/${key === undefined ? "" : encodeKey(key)}${search && `?${search}`}`,
      );
    },
    async isSame(other) {
      const [mine, theirs] = [await scope(), await other.scope()];
      return host.endpoint === other.where.endpoint &&
        mine?.credentials.accessKeyId === theirs?.credentials.accessKeyId;
    },
  };
  return client;

  async function scope(renew = false): Promise<Scope | undefined> {
    const held = await credentials(renew);
    if (!held) return undefined;
    if (held !== holder) cache = new Map();
    holder = held;
    return { credentials: held, region: host.region, time: time.toSign(), cache };
  }

  async function sign(call: Call, renew: boolean): Promise<Signed> {
    if (call.signed) return call.signed;
    const { method, key, query, body } = call;
    const { [SUM]: sum, ...others } = call.headers ?? {};
    const headers = sums && sum !== undefined ? { ...others, [SUM]: sum } : others;
    const url = client.urlOf(key, query);
    const hash = call.hash ?? (body instanceof Uint8Array ? sha256(body) : EMPTY_HASH);
    const by = await scope(renew);
    const signed = by
      ? await signHeaders({ method, url, headers }, by, hash)
      : { method, url, headers: { ...headers, "x-amz-content-sha256": hash } };
    return body ? { ...signed, body } : signed;
  }

  /** Sends once, and takes the answer in unless it is to be read. */
  async function once(call: Call, renew: boolean): Promise<Tried> {
    const { body } = call;
    await pace.enter();
    // What comes waits for others, who may wait for a turn: it must not keep one.
    const keeps = body === undefined || body instanceof Uint8Array;
    if (!keeps) pace.leave();
    try {
      if (call.signal?.aborted) throw aborted(call);
      const signed = await sign(call, renew);
      count(usage, call.operation);
      const { signal, fresh = false, dawdle = 0 } = call;
      const patience = Math.min(call.patience ?? PATIENCE, options.patience ?? Infinity);
      const answer = await transport(signed, { signal, reuse: !fresh, patience, dawdle });
      usage.sent += body?.length ?? 0;
      time.learn(answer.headers["date"]);
      const { status, headers } = answer;
      const success = status >= 200 && status < 300;
      if (success && call.stream) {
        return { reply: { status, headers, bytes: new Uint8Array(), body: metered(answer.body) } };
      }
      const bytes = await takeIn(
        call,
        metered(answer.body),
        success ? call.limit ?? SMALL : SMALL,
      );
      const trouble = troubleOf(status, headers, bytes);
      if (success || (call.accept?.includes(status) && isAnswer(trouble))) {
        return { reply: { status, headers, bytes, body: answer.body } };
      }
      if (remedyOf(trouble) === "slower") {
        pace.slow();
        time.slowedDown();
      }
      return { trouble: { ...trouble, ...after(headers) } };
    } finally {
      if (keeps) pace.leave();
    }
  }

  function metered(body: Body): Body {
    return {
      cancel: () => body.cancel(),
      async read() {
        const chunk = await body.read();
        usage.received += chunk?.length ?? 0;
        return chunk;
      },
    };
  }

  async function takeIn({ action }: Call, body: Body, limit: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (let chunk = await body.read(); chunk; chunk = await body.read()) {
      length += chunk.length;
      if (length > limit) {
        body.cancel();
        const message = `Cannot ${action}: it has more than ${limit} bytes`;
        throw new OciError("size_exceeded", message, { url: address.url.href });
      }
      chunks.push(chunk);
    }
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
  }

  /** Each repair is made once; what was refused for want of it has not been done. */
  async function attempt(call: Call): Promise<Tried> {
    const made = new Set<string>();
    let renew = false;
    for (let hops = 0;; hops++) {
      const tried = await once(call, renew);
      const { trouble } = tried;
      if (!trouble || call.signed) return tried;
      if (call.headers?.[SUM] !== undefined && !made.has(SUM) && isUnwanted(trouble)) {
        made.add(SUM);
        sums = false;
        continue;
      }
      const remedy = remedyOf(trouble);
      if (made.has(remedy) && !(remedy === "region" && hops < 2)) return tried;
      made.add(remedy);
      renew = remedy === "credentials";
      const repaired = renew || (remedy === "clock" && time.correct()) ||
        (remedy === "region" && host.moveTo(trouble));
      if (!repaired) return tried;
    }
  }

  async function send(call: Call): Promise<Reply> {
    for (let tries = 1;; tries++) {
      let pause: number;
      try {
        const { reply, trouble } = await attempt(call);
        if (reply) return reply;
        const remedy = remedyOf(trouble);
        if (tries >= TRIES || (remedy !== "again" && remedy !== "slower")) {
          throw failureOf(trouble, call.action, client.where);
        }
        pause = Math.max(pauseOf(clock, tries), trouble.after ?? 0);
      } catch (error) {
        if (isFatal(error) || tries >= TRIES) {
          throw connectionFailure(error, call.action, client.where);
        }
        pause = pauseOf(clock, tries);
      }
      await clock.sleep(pause, call.signal).catch(() => {});
      if (call.signal?.aborted) throw aborted(call);
    }
  }

  function aborted({ action, signal }: Call): OciError {
    const message = `Cannot ${action}: the call was aborted`;
    return new OciError("aborted", message, { url: address.url.href, cause: signal?.reason });
  }
}

/** Whether a 404 is about the key: that a bucket or a user is not there says nothing of it. */
function isAnswer({ status, code }: Trouble): boolean {
  return status !== 404 || /^(NotFound|NoSuch(Key|Version|Upload|Object))$/.test(code);
}

/** Whether a server may have stumbled over a sum it does not know, rather than over a wrong one. */
function isUnwanted({ status, code }: Trouble): boolean {
  return status === 501 || (status === 400 && !/Digest|Mismatch/.test(code));
}

function after(headers: Readonly<Record<string, string>>): { after?: number; location?: string } {
  const seconds = Number(headers["retry-after"] ?? NaN);
  const location = headers["location"];
  return {
    ...(seconds > 0 ? { after: Math.min(seconds, 60) * 1000 } : {}),
    ...(location === undefined ? {} : { location }),
  };
}
