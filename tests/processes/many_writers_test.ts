import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Descriptor, type Layout, openLayout } from "../../mod.ts";
import { finished, runtimes, startProgram } from "../runtimes.ts";

const WRITERS = 8;
const NAMES = 150;

async function withStore(
  body: (store: Layout, place: string, blobs: Descriptor[]) => Promise<void>,
) {
  const folder = await mkdtemp(join(tmpdir(), "stowage-writers-"));
  try {
    const place = join(folder, "store");
    await using store = await openLayout(place, { mode: "create" });
    const blobs: Descriptor[] = [];
    for (let n = 0; n < 9; n++) {
      const bytes = new TextEncoder().encode(`blob ${n}`);
      blobs.push((await store.push({ mediaType: "text/plain" }, bytes)).descriptor);
    }
    await body(store, place, blobs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function mixed(n: number) {
  const runtime = runtimes[n % runtimes.length];
  assert.ok(runtime);
  return runtime;
}

const which = runtimes.map(({ name }) => name).join(" and ");

test(
  `${WRITERS} processes of ${which}, ${NAMES} names each: none lost, readers see every name for good`,
  {
    timeout: 180_000,
  },
  async () => {
    await withStore(async (store, place, blobs) => {
      let writing = true;
      const seen = new Set<string>();
      const reader = (async () => {
        let reads = 0;
        await using layout = await openLayout(place);
        for (; writing; reads++) {
          const names = new Set((await layout.references()).map(({ name }) => name));
          for (const name of seen) assert.ok(names.has(name), `${name} has vanished`);
          for (const name of names) seen.add(name);
        }
        return reads;
      })();
      const program = new URL("./tagger.ts", import.meta.url);
      const done = await Promise.all(Array.from({ length: WRITERS }, (_, n) => {
        const args = [place, blobs[n]?.digest ?? "", `writer${n}`, String(NAMES)];
        return finished(startProgram(mixed(n), program, args));
      }));
      writing = false;
      assert.ok(await reader > 0);
      assert.deepEqual(done.map(({ code }) => code), Array(WRITERS).fill(0));
      const acknowledged = done.flatMap(({ out }) => out.trim().split("\n"));
      assert.equal(acknowledged.length, WRITERS * NAMES);
      assert.deepEqual(
        (await store.references()).map(({ name }) => name).sort(),
        acknowledged.sort(),
      );
      assert.equal(store.notices.length, 0);
    });
  },
);

test("two writers that expect the same digest: one wins, the other gets conflict", async () => {
  await withStore(async (store, place, blobs) => {
    const [first, ...others] = blobs.map(({ digest }) => digest);
    assert.ok(first);
    await store.tag(first, "v1");
    const program = new URL("./expecter.ts", import.meta.url);
    const done = await Promise.all(
      others.slice(0, 4).map((target, n) =>
        finished(startProgram(mixed(n), program, [place, "v1", first, target]))
      ),
    );
    const outcomes = done.map(({ out }) => out.trim()).sort();
    assert.deepEqual(outcomes, ["conflict", "conflict", "conflict", "won"]);
  });
});
