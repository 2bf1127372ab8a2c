import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Backend,
  type CommandContext,
  createRegistry,
  INDEX,
  loadFacts,
  openLayout,
  type Registry,
  type Result,
  systemClock,
} from "../../../core/mod.ts";
import check from "../../../plugins/commands/check.ts";
import { readFlags } from "../../../plugins/commands/flags.ts";
import { openMemory, type Places } from "../../../plugins/memory/mod.ts";
import { indexOf, pushAll, pushImage } from "../../images.ts";

/** Places in memory that can do more. */
function registryOf(more: (backend: Backend) => Backend): Registry {
  const places: Places = new Map();
  const mem = async (...[url, options]: Parameters<Registry["open"]>) =>
    more(await openMemory(url, options, places));
  return createRegistry([{ name: "test", backends: { mem } }]);
}

/** Runs the command on `mem:store`; its result and exit code. */
async function run(registry: Registry, ...argv: string[]): Promise<Result & { code: number }> {
  const place = { scheme: "mem", path: "store" };
  let told: Result | undefined;
  const context: Partial<CommandContext> = {
    ...readFlags(check.flags, argv),
    positionals: ["mem:store"],
    registry,
    clock: systemClock,
    signal: new AbortController().signal,
    quiet: false,
    reference: () => ({ place }),
    print: () => "mem:store",
    open: (_, mode) => openLayout("mem:store", { registry, mode }),
    onEvent: () => {},
    notice: () => {},
    stay: () => {},
    hint: () => {},
    result: (result) => Promise.resolve(void (told = result)),
  };
  const code = await check.run(context as CommandContext) ?? 0;
  assert.ok(told);
  return { ...told, code };
}

test("a lost index comes back with its names where the store still has the one before", async () => {
  const kept: { text?: string | undefined } = {};
  const registry = registryOf((backend) => ({
    ...backend,
    docs: { ...backend.docs, previous: () => Promise.resolve(kept.text) },
  }));
  await using layout = await openLayout("mem:store", { registry, mode: "create" });
  const gone = await pushImage(layout, "gone");
  const child = await pushImage(layout, "child");
  const multi = indexOf([child]);
  await pushAll(layout, multi);
  const unlisted = await pushImage(layout, "unlisted");
  await layout.tag(multi.descriptor, "multi");
  await layout.tag(gone, "gone");
  const { backend } = layout.store;
  const doc = await backend.docs.load(INDEX);
  kept.text = doc?.text;
  const seen = await backend.blobs.stat(gone.digest);
  await backend.blobs.delete(seen ? [seen] : []);
  await backend.docs.swap(INDEX, undefined, doc);

  const { code, data } = await run(registry, "--rebuild-index");
  assert.equal(code, 0, JSON.stringify(data));
  assert.deepEqual(
    (await layout.references({ untagged: true })).map(({ name, descriptor }) => [
      name,
      descriptor.digest,
    ]),
    [["multi", multi.descriptor.digest], ["", unlisted.digest]],
  );
  assert.ok((await loadFacts(backend.docs)).repaired, "gc must wait for a look");
  await assert.rejects(run(registry, "--rebuild-index"), { code: "refused" });
});

test("--repair has the store mend what only it sees, and tells of it", async () => {
  let asked = 0;
  const registry = registryOf((backend) => ({
    ...backend,
    async *mend() {
      asked++;
      yield "Gave the index its mode back";
    },
  }));
  await using _ = await openLayout("mem:store", { registry, mode: "create" });
  assert.equal((await run(registry)).code, 0);
  assert.equal(asked, 0);
  const { code, data, lines } = await run(registry, "--repair");
  assert.deepEqual([code, asked], [0, 1]);
  assert.deepEqual(data["warnings"], [{ code: "mended", message: "Gave the index its mode back" }]);
  assert.ok([...lines].includes("warn  Gave the index its mode back"));
});
