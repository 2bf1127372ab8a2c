import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { type Backend, createRegistry, openLayout } from "../../core/mod.ts";
import { assertStored, blobOf, noise, write } from "../contract/suite.ts";
import { everything, PATIENCE, suffer } from "../plugins/s3/suffering.ts";
import type { Rule } from "../s3_server/faults.ts";
import { forward } from "../s3_server/forward.ts";
import type { OpenFront } from "../s3_server/front.ts";
import { unless } from "../skip.ts";
import { opening, placesIn } from "./places.ts";
import { type RealServer, servers } from "./servers.ts";

const INDEX = "index.json";

/** Runs `body` on a place that is reached through faults; they begin once the place is open and its store known. */
async function through(
  server: RealServer,
  rules: readonly Rule[],
  body: (backend: Backend, front: OpenFront) => Promise<void>,
): Promise<void> {
  await using front = await forward({ to: server.url });
  await using places = placesIn(server);
  await using backend = await places.open(places.url("place", front.url), opening);
  await backend.docs.swap(INDEX, "{}", undefined);
  front.journal.clear();
  front.faults.add(...rules);
  await body(backend, front);
}

async function store(backend: Backend, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await using ingest = await backend.blobs.ingest();
  await write(ingest.writable, bytes);
  await ingest.commit(blobOf(bytes));
}

for (const server of servers) {
  const { name, conditional } = server;
  const why = `${name} has no conditional writes, and is for one writer`;
  const forWriters = unless(!conditional && why);
  const ends = [["unapplied", "fin"], ["unapplied", "rst"], ["applied", "fin"], [
    "applied",
    "rst",
  ]] as const;

  for (const [when, by] of ends) {
    const fault = { kind: "drop", when, by } as const;
    test(
      `${name}: a swap whose connection ends by ${by}, ${when}, is there once`,
      forWriters,
      () =>
        through(
          server,
          [{ op: "PutObject", key: `*${INDEX}`, fault }],
          async ({ docs }, { journal }) => {
            const after = await docs.swap(INDEX, '{"a":1}', await docs.load(INDEX));
            assert.deepEqual(await docs.load(INDEX), after);
            assert.equal(journal.count({ op: "PutObject", status: 200 }), 1);
          },
        ),
    );
  }

  test(`${name}: a large blob is stored, though parts are refused and lost, and its Complete is lost`, () =>
    through(server, [
      { op: "UploadPart", nth: 1, fault: { kind: "status", status: 503, code: "SlowDown" } },
      { op: "UploadPart", nth: 3, fault: { kind: "drop", when: "applied", by: "rst" } },
      { op: "CompleteMultipartUpload", fault: { kind: "drop", when: "applied", by: "fin" } },
    ], async (backend) => {
      const bytes = noise(40 << 20);
      await store(backend, bytes);
      await assertStored(backend, bytes);
    }));

  test(`${name}: a download that is cut twice goes on where it was`, () =>
    through(server, [
      { op: "GetObject", key: "*blobs*", fault: { kind: "cut", at: 600_000, by: "rst" } },
      { op: "GetObject", key: "*blobs*", nth: 2, fault: { kind: "cut", at: 100_000, by: "fin" } },
    ], async (backend) => {
      const bytes = noise(1 << 20);
      await store(backend, bytes);
      await assertStored(backend, bytes);
    }));

  test(`${name}: four writers whose answers get lost now and then, five names each, none lost`, {
    ...forWriters,
    timeout: 240_000,
  }, async () => {
    await using front = await forward({ to: server.url });
    await using places = placesIn(server);
    const registry = createRegistry([{ name: "s3", backends: { s3: places.open } }]);
    const url = places.url("layout", front.url);
    await using layout = await openLayout(url, { registry, mode: "create" });
    const { descriptor } = await layout.push({ mediaType: "text/plain" }, new Uint8Array([1]));
    const puts = { op: "PutObject", chance: 0.1 } as const;
    const error = { status: 500, code: "InternalError", applied: true } as const;
    front.faults.add(
      { ...puts, seed: 1, fault: { kind: "drop", when: "applied", by: "rst" } },
      { ...puts, seed: 2, fault: { kind: "status", ...error } },
      { ...puts, seed: 3, fault: { kind: "late", ms: 20, by: "fin" } },
      { op: "GetObject", chance: 0.1, seed: 4, fault: { kind: "cut", at: 0, by: "rst" } },
    );
    const names = (writer: number) => Array.from({ length: 5 }, (_, n) => `w${writer}-${n}`);
    const writers = [0, 1, 2, 3];
    await Promise.all(writers.map(async (writer) => {
      await using own = await openLayout(url, { registry, mode: "write", wait: 200_000 });
      for (const name of names(writer)) await own.tag(descriptor.digest, name);
    }));
    front.faults.clear();
    const kept = (await layout.references()).map(({ name }) => name).sort();
    assert.deepEqual(kept, writers.flatMap(names));
    assert.ok(front.journal.entries.some(({ fault }) => fault !== undefined));
  });

  test(
    `${name}: two writers while one request in five fails, in every way: none lost, none invented`,
    {
      ...forWriters,
      timeout: 600_000,
    },
    async () => {
      await using front = await forward({ to: server.url });
      await using places = placesIn(server, { patience: 10 * PATIENCE });
      const { open } = places;
      const url = (place: string) => places.url(place, front.url);
      const steps = process.env["STOWAGE_TEST_S3"] === "all" ? 2_000 : 60;
      await suffer({ open, url, faults: front.faults }, everything(), steps);
    },
  );
}
