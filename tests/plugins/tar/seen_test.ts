import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { listed, put, seen, utf8 } from "../../contract/suite.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./archives.ts";

test("what one changes, another who has the archive open sees at once, however soon it follows", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.tar");
  await using one = await openAt(path);
  await using other = await openAt(path);
  const { digest } = await put(one, utf8("a"));
  await one.docs.swap("index.json", '{"manifests":[]}', undefined);
  for (let n = 0; n < 40; n++) {
    await one.blobs.delete([await seen(one, digest)], { batch: `${n}` });
    assert.deepEqual(await listed(other), []);
    await one.blobs.trash?.restore(`${n}`, digest);
    assert.deepEqual(await listed(other), [digest]);
  }
});
