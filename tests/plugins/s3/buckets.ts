// Places in buckets of the server in this repository.
import {
  type Backend,
  type Digest,
  type OpenBackend,
  splitDigest,
  systemClock,
} from "../../../core/mod.ts";
import { parseAddress } from "../../../plugins/s3/address.ts";
import { type Client, createClient } from "../../../plugins/s3/client.ts";
import type { CredentialSource } from "../../../plugins/s3/credentials.ts";
import { s3, type S3Options } from "../../../plugins/s3/mod.ts";
import { putObject } from "../../../plugins/s3/objects.ts";
import { httpTransport } from "../../../plugins/s3/transport.ts";
import type { Keys } from "./programs/run.ts";
import { type S3Server, start, type StartOptions } from "../../s3_server/server.ts";

/** How places are opened in tests. */
export const opening = {
  mode: "create",
  durability: "none",
  wait: 30_000,
  clock: systemClock,
  notice() {},
} as const;

/** The key that a server knows. */
export function credentialsOf(
  { accessKey, secretKey }: Keys,
): { readonly credentials: CredentialSource } {
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  return { credentials: () => Promise.resolve(credentials) };
}

/** A server and the plugin that knows its key. */
export interface Bucket extends AsyncDisposable {
  readonly server: S3Server;
  readonly open: OpenBackend;
  /** The address of a prefix. */
  url(prefix: string, query?: string): URL;
  /** Opens a fresh place. */
  place(): Promise<Backend>;
}

let places = 0;

/** Starts a server with an empty bucket. */
export async function startBucket(
  options: StartOptions = {},
  more: S3Options = {},
  always = "",
): Promise<Bucket> {
  const server = await start(options);
  const { backends } = s3({ ...credentialsOf(server), ...more });
  const open = backends?.["s3"];
  if (!open) throw new Error("The plugin brings no backend");
  const url = (prefix: string, query = "") =>
    new URL(`s3://${server.bucket}/${prefix}?endpoint=${server.url}${query}${always}`);
  return {
    server,
    open,
    url,
    place: () => open(url(`place-${++places}/layout`), opening),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A client of its own for a place, to look behind the backend. */
export function clientFor(server: S3Server, { url }: Pick<Backend, "url">): Client {
  const { send } = httpTransport();
  const address = parseAddress(url);
  return createClient({
    address,
    endpoint: new URL(server.url),
    credentials: credentialsOf(server).credentials,
    transport: send,
    clock: systemClock,
  });
}

/** Leaves bytes under a digest that is not theirs, as another program would. */
export async function damage(
  server: S3Server,
  backend: Backend,
  digest: Digest,
  bytes: Uint8Array,
): Promise<void> {
  const { algorithm, hex } = splitDigest(digest);
  const client = clientFor(server, backend);
  await putObject(client, `${client.address.prefix}blobs/${algorithm}/${hex}`, bytes, "damage");
}
