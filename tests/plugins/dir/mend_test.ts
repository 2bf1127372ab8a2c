import assert from "node:assert/strict";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { openLayout } from "../../../mod.ts";
import { unless } from "../../skip.ts";
import { stowage } from "../../cli/stowage.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

/** A layout with one blob under a name, and the path of that blob. */
async function layoutIn(place: string): Promise<string> {
  await using layout = await openLayout(place, { mode: "create" });
  const { descriptor } = await layout.push({}, new TextEncoder().encode("kept"));
  await layout.tag(descriptor, "v1");
  await layout.tag(descriptor, "v2");
  await layout.untag("v2");
  return join(place, "blobs", descriptor.digest.replace(":", "/"));
}

test("the previous index is told, and an emptied one never takes its place", async () => {
  using folder = temporaryFolder();
  const place = join(folder.path, "store");
  await layoutIn(place);
  const names = async () => {
    await using layout = await openLayout(place, { mode: "write" });
    const { docs } = layout.store.backend;
    assert.equal(await docs.previous?.("oci-layout"), undefined);
    return /"v[0-9]"/g[Symbol.match](await docs.previous?.("index.json") ?? "");
  };
  assert.deepEqual(await names(), ['"v1"', '"v2"']);
  writeFileSync(join(place, "index.json"), "");
  assert.deepEqual(await names(), ['"v1"', '"v2"']);
});

test("names of a lost index come back from the one before it", async () => {
  using folder = temporaryFolder();
  const place = join(folder.path, "store");
  await layoutIn(place);
  writeFileSync(join(place, "index.json"), '{"schemaVersion":2,"manifests":[{"medi');
  const { code, err } = await stowage(["check", "--rebuild-index", place]);
  assert.equal(code, 0, err);
  assert.deepEqual((await stowage(["list", "-q", place])).lines, ["v1", "v2"]);
});

test(
  "blobs that could be written to cannot any more, and only that is told",
  unless(process.platform === "win32" && "Windows has no such bits"),
  async () => {
    using folder = temporaryFolder();
    const place = join(folder.path, "store");
    const blob = await layoutIn(place);
    chmodSync(blob, 0o666);
    await using layout = await openLayout(place, { mode: "write" });
    const { backend } = layout.store;
    assert.ok(backend.mend);
    assert.match((await Array.fromAsync(backend.mend())).join(), /^1 blobs could be written to/);
    assert.equal(statSync(blob).mode & 0o777, 0o444);
    assert.deepEqual(await Array.fromAsync(backend.mend()), []);
  },
);
