import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createRegistry, isOciError, openLayout } from "../../core/mod.ts";
import { unless } from "../skip.ts";
import { placesIn } from "./places.ts";
import { serverFrom } from "./servers.ts";

const have = (command: string) =>
  spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;
const why = !(have("radosgw") && have("ceph-osd")) && "radosgw and ceph-osd cannot be had here";

/** A radosgw of this test's own, on disk, and what makes it stop and go. */
function ownRadosgw() {
  const folder = mkdtempSync(join(tmpdir(), "stowage-rgw-"));
  const script = fileURLToPath(new URL("../../scripts/s3_servers.sh", import.meta.url));
  const run = (command: string) => {
    const env = { ...process.env, STOWAGE_S3_DIR: folder, RGW_STORE: "bluestore" };
    const done = spawnSync("bash", [script, command, "rgw"], { encoding: "utf8", env });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  };
  const start = () => {
    const variables = run("start").matchAll(/^export (\w+)='(.*)'$/gm);
    return serverFrom(
      "rgw",
      Object.fromEntries([...variables].map(([, name, value]) => [name, value])),
    ) ??
      assert.fail();
  };
  return {
    start,
    kill: () => run("kill"),
    [Symbol.dispose]() {
      run("stop");
      rmSync(folder, { recursive: true });
    },
  };
}

test("rgw on disk, all daemons killed at once: what was acknowledged is there, and writers go on", {
  ...unless(why),
  timeout: 300_000,
}, async () => {
  using radosgw = ownRadosgw();
  const server = radosgw.start();
  const places = placesIn(server);
  const registry = createRegistry([{ name: "s3", backends: { s3: places.open } }]);
  const url = places.url("layout");
  await using layout = await openLayout(url, { registry, mode: "create" });
  const acknowledged: string[] = [];
  const enough = Promise.withResolvers<void>();
  const writers = Array.from({ length: 3 }, async (_, writer) => {
    await using own = await openLayout(url, { registry, mode: "write", wait: 120_000 });
    for (let n = 0; n < 12; n++) {
      try {
        const bytes = new TextEncoder().encode(`${writer}-${n}`);
        const { descriptor } = await own.push({ mediaType: "text/plain" }, bytes);
        await own.tag(descriptor.digest, `w${writer}-${n}`);
        acknowledged.push(`w${writer}-${n}`);
      } catch (error) {
        // While it is away, a write may fail; it must not be half there.
        if (!isOciError(error, "unavailable")) throw error;
      }
      if (acknowledged.length >= 15) enough.resolve();
    }
  });
  await enough.promise;
  radosgw.kill();
  radosgw.start();
  await Promise.all(writers);
  const kept = (await layout.references()).map(({ name }) => name);
  assert.deepEqual(acknowledged.filter((name) => !kept.includes(name)), []);
  for (const name of kept) {
    assert.equal(new TextDecoder().decode(await layout.fetchAll(name)), name.slice(1));
  }
  await layout.tag(kept[0] ?? assert.fail(), "after");
  assert.equal((await layout.references()).some(({ name }) => name === "after"), true);
});
