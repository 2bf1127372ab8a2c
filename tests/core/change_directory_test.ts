// On its own: the folder of a process is shared by all that runs in it.
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { openLayout } from "../../core/mod.ts";
import { fails } from "../fails.ts";
import { pushImage } from "../images.ts";
import { registry } from "../layouts.ts";
import { temporaryFolder } from "../temporary_folder.ts";

test("a relative place is made absolute at once: a later change of directory changes nothing", async () => {
  using folder = temporaryFolder();
  const home = process.cwd();
  try {
    process.chdir(folder.path);
    await fails(openLayout("./layout", { registry, mode: "write" }), "not_found");
    await using layout = await openLayout("./layout", {
      registry,
      mode: "create",
      durability: "none",
    });
    process.chdir(home);
    await layout.tag(await pushImage(layout, "one"), "v1");
    await using again = await openLayout(join(folder.path, "layout"), { registry });
    assert.equal(again.url.href, layout.url.href);
    assert.ok(await again.resolve("v1"));
  } finally {
    process.chdir(home);
  }
});
