// A disk that is full and a mount that is read-only, as the kernel has them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Layout, openLayout } from "../../mod.ts";
import { alone, filled, onSmallDisk } from "./small_disk.ts";
import { run } from "./tools.ts";

async function small(store: Layout, name: string): Promise<void> {
  const { descriptor } = await store.push({}, new TextEncoder().encode(name));
  await store.tag(descriptor, name);
}

test(
  "a full disk is unavailable, loses nothing, and is written to again once there is room",
  alone,
  async () => {
    await onSmallDisk(async (disk) => {
      await using store = await openLayout(join(disk, "store"), { mode: "create" });
      await small(store, "v1");
      const index = readFileSync(join(disk, "store/index.json"), "utf8");
      await assert.rejects(store.push({}, new Uint8Array(4 << 20)), { code: "unavailable" });
      const target = (await store.resolve("v1")).digest;
      const many = Array.from({ length: 400 }, (_, n) => `name-${n}-${"x".repeat(100)}`);
      {
        using _ = filled(disk, 0);
        await assert.rejects(store.tag(target, many), { code: "unavailable" });
        assert.equal(readFileSync(join(disk, "store/index.json"), "utf8"), index);
      }
      await small(store, "v2");
      assert.deepEqual((await store.references()).map(({ name }) => name), ["v1", "v2"]);
      assert.equal(new TextDecoder().decode(await store.fetchAll("v1")), "v1");
    });
  },
);

test(
  "a mount that is read-only is read, and refuses every change with read_only",
  alone,
  async () => {
    await onSmallDisk(async (disk) => {
      const place = join(disk, "store");
      await small(await openLayout(place, { mode: "create" }), "v1");
      run("mount", ["-o", "remount,ro", disk]);
      await using reader = await openLayout(place);
      assert.equal(new TextDecoder().decode(await reader.fetchAll("v1")), "v1");
      await using writer = await openLayout(place, { mode: "write" });
      assert.equal((await writer.references()).length, 1);
      await assert.rejects(writer.tag("v1", "v2"), { code: "read_only" });
      await assert.rejects(writer.push({}, new Uint8Array(1)), { code: "read_only" });
      await assert.rejects(writer.untag("v1"), { code: "read_only" });
    });
  },
);
