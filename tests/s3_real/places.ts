// Places in the buckets of real servers.
import {
  type Backend,
  type Digest,
  type OpenBackend,
  splitDigest,
  systemClock,
} from "../../core/mod.ts";
import { s3, type S3Options } from "../../plugins/s3/mod.ts";
import { type Ask, askerOf } from "../s3_server/asker.ts";
import { all, readXml, textOf } from "../s3_server/xml.ts";
import type { RealServer } from "./servers.ts";

/** How places are opened here. */
export const opening = {
  mode: "create",
  durability: "none",
  wait: 60_000,
  clock: systemClock,
  notice() {},
} as const;

/** Places in one bucket of a server, below a prefix that is emptied in the end. */
export interface Places extends AsyncDisposable {
  readonly ask: Ask;
  readonly open: OpenBackend;
  /** The address of a place; a gateway may be named. */
  url(name: string, endpoint?: string): URL;
  /** Opens a fresh place. */
  place(): Promise<Backend>;
  /** Leaves bytes under a digest that is not theirs, as another program would. */
  damage(backend: Backend, digest: Digest, bytes: Uint8Array): Promise<void>;
}

/** Makes room for places. */
export function placesIn(server: RealServer, more: S3Options = {}): Places {
  const { accessKey, secretKey, token, bucket, region, conditional } = server;
  const ask = askerOf(server);
  const root = `${server.prefix}stowage-test-${crypto.randomUUID().slice(0, 13)}`;
  const credentials = {
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    ...(token === undefined ? {} : { sessionToken: token }),
  };
  const open = s3({ credentials: () => Promise.resolve(credentials), ...more }).backends?.["s3"];
  if (!open) throw new Error("The plugin brings no backend");
  const url = (name: string, endpoint = server.url) => {
    const query = new URLSearchParams({
      endpoint,
      region,
      ...(conditional ? {} : { writers: "1" }),
    });
    return new URL(`s3://${bucket}/${root}/${name}?${query}`);
  };
  let places = 0;
  return {
    ask,
    open,
    url,
    place: async () => await open(url(`place-${++places}`), opening),
    async damage({ url }, digest, bytes) {
      const { algorithm, hex } = splitDigest(digest);
      const { status } = await ask("PUT", `/${bucket}${url.pathname}/blobs/${algorithm}/${hex}`, {
        body: bytes,
      });
      if (status !== 200) throw new Error(`PUT says ${status}`);
    },
    [Symbol.asyncDispose]: () => empty(ask, bucket, `${root}/`),
  };
}

/** Removes every key and every unfinished upload below a prefix. */
async function empty(ask: Ask, bucket: string, prefix: string): Promise<void> {
  for (;;) {
    const { text } = await ask("GET", `/${bucket}`, { query: { "list-type": "2", prefix } });
    const xml = readXml(text);
    const keys = (xml ? all(xml, "Contents") : []).map((entry) => textOf(entry, "Key") ?? "");
    if (keys.length === 0) break;
    while (keys.length > 0) {
      await Promise.all(keys.splice(0, 16).map((key) => ask("DELETE", `/${bucket}/${key}`)));
    }
  }
  const { text } = await ask("GET", `/${bucket}`, { query: { uploads: "", prefix } });
  const xml = readXml(text);
  for (const upload of xml ? all(xml, "Upload") : []) {
    const query = { uploadId: textOf(upload, "UploadId") ?? "" };
    await ask("DELETE", `/${bucket}/${textOf(upload, "Key")}`, { query });
  }
}
