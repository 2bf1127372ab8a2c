// A port of loopback with faults and a journal before whatever answers; it can be closed and opened again.
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Server, Socket } from "node:net";
import { control } from "./control.ts";
import { createFaults, type Faults, type Rule } from "./faults.ts";
import { type Answering, serve } from "./http.ts";
import { createJournal, type Journal } from "./journal.ts";
import type { Changes } from "./switches.ts";

export interface FrontOptions {
  readonly faults?: readonly Rule[];
  /** A free one if not given. */
  readonly port?: number;
  readonly host?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A port that is served. */
export interface OpenFront extends AsyncDisposable {
  /** Such as `http://127.0.0.1:4567`. */
  readonly url: string;
  readonly port: number;
  readonly faults: Faults;
  readonly journal: Journal;
  /** Ends all connections and listens no more; what was stored stays. */
  kill(): Promise<void>;
  /** Listens again, on the same port. */
  restart(): Promise<void>;
}

/** Serves a port. */
export async function openFront(
  answering: Answering,
  { faults: rules = [], port = 0, host = "127.0.0.1", tls }: FrontOptions,
  change?: (changes: Changes) => void,
): Promise<OpenFront> {
  const [faults, journal] = [createFaults(), createJournal()];
  faults.add(...rules);
  const front = { answering, faults, journal, ...(change ? { change } : {}) };
  const door = await listen(host, port, tls, async (message, response, connection) => {
    if (await control(front, message, response)) return;
    await serve(front, message, response, connection);
  });
  return {
    url: `${tls ? "https" : "http"}://${host}:${door.port}`,
    port: door.port,
    faults,
    journal,
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
async function listen(
  host: string,
  wanted: number,
  tls: FrontOptions["tls"],
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
