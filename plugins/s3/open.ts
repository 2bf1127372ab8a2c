import {
  type Backend,
  type BackendOptions,
  type Blobs,
  type Clock,
  OciError,
} from "../../core/mod.ts";
import { type Abilities, holdAbility } from "./ability_holder.ts";
import { type Address, parseAddress } from "./address.ts";
import { adoptBlob } from "./adopt.ts";
import { listBlobs } from "./blob_list.ts";
import { readBlob } from "./blob_stream.ts";
import { createBuffers } from "./buffers.ts";
import { type Client, createClient } from "./client.ts";
import { type CredentialSource, credentialSource, surroundings } from "./credentials.ts";
import { createDocs } from "./docs.ts";
import { dropLeftovers } from "./leftovers.ts";
import { namedIngest } from "./named_ingest.ts";
import { ingestRecords, namedIngests } from "./named_ingests.ts";
import { headObject } from "./objects.ts";
import { inTurn, type Place, type Turns, writableIn } from "./place.ts";
import { removeBlobs } from "./removal.ts";
import { streamedIngest, streamedOf } from "./streamed_ingest.ts";
import { httpTransport, type Transport } from "./transport.ts";
import { blobKey } from "./blob_key.ts";
import { unnamedIngest } from "./unnamed_ingest.ts";
import { costOf } from "./usage.ts";

/** How buckets are reached, in programs and tests that bring their own. */
export interface S3Options {
  /** Who signs; default: what the environment and the files of AWS's tools say. */
  readonly credentials?: CredentialSource;
  /** Sends requests; default: over the network. */
  readonly transport?: Transport;
  /** The longest that a server may be silent, in milliseconds. */
  readonly patience?: number;
}

/** Bytes of parts in flight, of all writes to one place. */
const IN_FLIGHT = 24 << 20;

/** Opens a place in a bucket; no request is made before one is needed. */
export async function openBucket(
  url: URL,
  { mode, clock, notice }: BackendOptions,
  options: S3Options,
  { abilities, turns }: { readonly abilities: Abilities; readonly turns: Turns },
): Promise<Backend> {
  const opened = new AsyncDisposableStack();
  const reach = async (address: Address) => await connect(address, clock, options, opened);
  const address = parseAddress(url);
  const client = await reach(address);
  const place: Place = {
    client,
    mode,
    notice,
    ability: holdAbility(client, mode, abilities),
    inTurn: (key, act) => inTurn(turns, `${client.where.endpoint}\n${address.bucket}\n${key}`, act),
    assertWritable: writableIn(mode, client),
  };
  const buffers = createBuffers(IN_FLIGHT);
  const records = ingestRecords(place);
  const { named, ...ingests } = namedIngests(
    place,
    records,
    (seen) => namedIngest(place, records, buffers, seen),
  );
  const neighbours = new Map<string, Promise<Client>>();
  const neighbour = (source: URL) => {
    const known = neighbours.get(source.href) ?? reach(parseAddress(source));
    neighbours.set(source.href, known);
    return known;
  };
  const blobs: Blobs = {
    async stat(digest) {
      const info = await headObject(client, blobKey(place, digest), `look for ${digest}`);
      if (!info) return undefined;
      const { size, etag: version, modified } = info;
      return { digest, size, version, ...(modified ? { modified } : {}) };
    },
    read: (digest, range = {}) => readBlob(client, blobKey(place, digest), digest, range),
    list: ({ skip } = {}) => listBlobs(client, skip),
    async ingest({ ref, expect = {}, again } = {}) {
      place.assertWritable(ref === undefined ? "store a blob" : `write "${ref}"`);
      if (ref !== undefined) return await named(ref, expect);
      const streamed = streamedOf(expect, again);
      return streamed ? streamedIngest(place, streamed) : unnamedIngest(place, buffers, expect);
    },
    ...ingests,
    delete: removeBlobs(place),
    tidy(before) {
      place.assertWritable("drop what was left");
      return dropLeftovers(client, before);
    },
    adopt: adoptBlob(place, neighbour),
    get deleteBound() {
      return place.ability.deleteBound;
    },
  };
  const docs = createDocs(place);
  return {
    url,
    blobs,
    docs,
    far: true,
    async now() {
      const known = client.time.now();
      if (known !== undefined) return new Date(known);
      await headObject(client, `${address.prefix}index.json`, "ask the store for its time");
      const now = client.time.now();
      if (now !== undefined) return new Date(now);
      const message = "Cannot tell the time: the store's answers bear no date";
      throw new OciError("unsupported", message, { url: url.href });
    },
    usage: () => Object.fromEntries(client.usage.requests),
    traffic() {
      const { sent, received } = client.usage;
      return { sent, received, cost: costOf(client.usage) };
    },
    async diagnose() {
      const { diagnose } = await import("./diagnose.ts");
      // Whoever may not try takes the word of the last writer.
      if (mode === "read") await docs.load("index.json");
      return await diagnose(client, mode, place.ability.known);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A client for an address, with what the environment adds to it. */
async function connect(
  address: Address,
  clock: Clock,
  { credentials, transport, patience }: S3Options,
  opened: AsyncDisposableStack,
): Promise<Client> {
  const { ca, ...where } = await surroundings(address);
  const overNetwork = () => {
    const { send, close } = httpTransport(ca);
    opened.defer(close);
    return send;
  };
  return createClient({
    ...where,
    address,
    clock,
    credentials: credentials ?? credentialSource(address, clock),
    transport: transport ?? overNetwork(),
    ...(patience === undefined ? {} : { patience }),
  });
}
