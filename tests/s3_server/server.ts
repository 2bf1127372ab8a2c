// The server: an S3 service of this process on a port of loopback.
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { once } from "node:events";
import type { Server } from "node:net";
import type { Socket } from "node:net";
import { control } from "./control.ts";
import { createFaults, type Faults, type Rule } from "./faults.ts";
import { type Answering, serve } from "./http.ts";
import { createJournal, type Journal } from "./journal.ts";
import { type Personality, personality } from "./personalities.ts";
import { createService } from "./service.ts";
import type { Store } from "./store.ts";
import { change, type Changes, type Switches } from "./switches.ts";

export interface StartOptions {
  readonly personality?: Personality;
  readonly switches?: Changes;
  /** Buckets that are there from the start; `test` if not given. */
  readonly buckets?: readonly string[];
  readonly faults?: readonly Rule[];
  /** A free one if not given. */
  readonly port?: number;
  readonly host?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The time in milliseconds; the system's if not given. */
  readonly now?: () => number;
  readonly seed?: number;
}

/** A server that runs. */
export interface S3Server extends AsyncDisposable {
  /** Such as `http://127.0.0.1:4567`. */
  readonly url: string;
  readonly port: number;
  readonly region: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly faults: Faults;
  readonly journal: Journal;
  readonly store: Store;
  readonly switches: Switches;
  /** Changes how the server behaves from the next request on. */
  change(changes: Changes): void;
  /** Ends all connections and listens no more; what was stored stays. */
  kill(): Promise<void>;
  /** Listens again, on the same port. */
  restart(): Promise<void>;
}

/** Starts a server. */
export async function start(options: StartOptions = {}): Promise<S3Server> {
  const { buckets = ["test"], now = Date.now, seed = 1, host = "127.0.0.1", tls } = options;
  const switches = personality(options.personality ?? "aws", options.switches);
  const service = createService({ switches, buckets, now, seed });
  const answering: Answering = {
    handle: (request) => service.handle(request),
    identify: (request) => service.identify(request),
    now: () => service.now(),
    changes: () => service.store.changes,
    date: () => service.switches.clock.shown ? new Date(service.now()).toUTCString() : undefined,
    get switches() {
      return service.switches;
    },
    befall(fault) {
      const { clock, auth } = service.switches;
      if (fault.kind === "clock") {
        service.switches = change(service.switches, { clock: { offset: clock.offset + fault.ms } });
      } else if (fault.kind === "expire") {
        const keys = auth.keys.map((key) => ({ ...key, expires: service.now() }));
        service.switches = change(service.switches, { auth: { keys } });
      }
    },
  };
  const faults = createFaults();
  if (options.faults) faults.add(...options.faults);
  const journal = createJournal();
  const front = { answering, faults, journal };
  const changeSwitches = (changes: Changes) =>
    void (service.switches = change(service.switches, changes));
  const door = await listen(host, options.port ?? 0, tls, async (message, response, connection) => {
    if (await control({ ...front, service, change: changeSwitches }, message, response)) return;
    await serve(front, message, response, connection);
  });
  const [key] = switches.auth.keys;
  return {
    url: `${tls ? "https" : "http"}://${host}:${door.port}`,
    port: door.port,
    region: switches.region.name,
    bucket: buckets[0] ?? "",
    accessKey: key?.accessKey ?? "",
    secretKey: key?.secretKey ?? "",
    faults,
    journal,
    store: service.store,
    get switches() {
      return service.switches;
    },
    change: changeSwitches,
    kill: () => door.close(),
    restart: () => door.open(),
    async [Symbol.asyncDispose]() {
      faults.clear();
      await door.close();
    },
  };
}

type Listener = (
  message: IncomingMessage,
  response: ServerResponse,
  connection: number,
) => Promise<void>;

/** A port that can be closed and opened again. */
export async function listen(
  host: string,
  wanted: number,
  tls: StartOptions["tls"],
  listener: Listener,
) {
  let port = wanted;
  let connections = 0;
  const sockets = new Map<Socket, number>();
  const onRequest: RequestListener = (message, response) => {
    listener(message, response, sockets.get(message.socket) ?? 0).catch((error) => {
      console.error(error);
      message.socket.destroy();
    });
  };
  const make = (): Server => tls ? createTlsServer({ ...tls }, onRequest) : createServer(onRequest);
  let server: Server | undefined;
  const open = async () => {
    server = make();
    server.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
      sockets.set(socket, ++connections);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    });
    server.listen(port, host);
    await once(server, "listening");
    const address = server.address();
    if (address !== null && typeof address === "object") port = address.port;
  };
  await open();
  return {
    get port() {
      return port;
    },
    open,
    async close() {
      const closing = server;
      server = undefined;
      if (!closing) return;
      const closed = new Promise<void>((done) => closing.close(() => done()));
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
    },
  };
}
