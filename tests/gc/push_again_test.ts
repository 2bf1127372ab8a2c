import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Backend, createRegistry } from "../../core/mod.ts";
import { main } from "../../plugins/commands/main.ts";
import { commandsPlugin } from "../../plugins/commands/mod.ts";
import { inFolder } from "../cli/stowage.ts";
import { makePlace } from "../layouts.ts";
import { EXITS, fakeHost } from "../plugins/commands/fake_host.ts";
import { collectIn, danglingIn, listedIn } from "./collecting.ts";

/** Pushes by the program; before each of the first swaps of the index a collector without grace takes all. */
async function pushWhileCollected(folder: string, file: string, collections: number) {
  await using place = makePlace("memory");
  const layout = await place.open();
  let left = collections;
  const open = async (): Promise<Backend> => {
    const { docs, ...backend } = await place.backend();
    const swap: typeof docs.swap = async (name, ...rest) => {
      if (name === "index.json" && left-- > 0) await collectIn(place);
      return await docs.swap(name, ...rest);
    };
    return { ...backend, docs: { ...docs, swap } };
  };
  const registry = createRegistry([commandsPlugin, { name: "watched", backends: { mem: open } }]);
  const argv = ["push", "mem:x#v1", file, ...file === "-" ? ["--name", "x"] : []];
  const { host, said } = fakeHost(argv);
  const code = await main(registry, EXITS, {
    ...host,
    cwd: () => folder,
    terminal: { ...host.terminal, stdin: new Blob(["bytes"]).stream() },
  });
  return { code, said, listed: await listedIn(layout), dangling: await danglingIn(layout) };
}

describe("a push that is collected before it has a name", () => {
  it("stores its files again, and has its name whole", () =>
    inFolder(async (folder) => {
      const file = join(folder, "f");
      writeFileSync(file, "bytes");
      const { code, said, ...rest } = await pushWhileCollected(folder, file, 3);
      assert.equal(code, 0, said.err.join("\n"));
      assert.deepEqual(rest, { listed: ["v1"], dangling: [] });
    }));

  it("says so where its bytes came from a stream, and leaves no name", () =>
    inFolder(async (folder) => {
      const { code, said, listed } = await pushWhileCollected(folder, "-", 1);
      assert.equal(code, EXITS.conflict, said.err.join("\n"));
      assert.match(said.err.join("\n"), /collected meanwhile/);
      assert.deepEqual(listed, []);
    }));
});
