import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { blobOf } from "../images.ts";
import { openFolder, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";
import { assertTidy, tellStory } from "./story.ts";

test("list shows the names, sorted, out of the index alone", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { image, multi, signature, solo } = await tellStory(place);
    const before = snapshot(place);
    const list = async (...args: string[]) => {
      const run = await stowage(["list", ...args], { cwd });
      assert.equal(run.code, 0, run.err);
      return run;
    };
    const all = await list("./store");
    assert.deepEqual(all.lines, [
      `latest  ${image}  manifest  -`,
      `multi   ${multi}  index     -`,
      `solo    ${solo}  manifest  -`,
      `v1      ${image}  manifest  -`,
    ]);
    assertTidy(all);
    assert.deepEqual((await list("-q", "./store")).lines, ["latest", "multi", "solo", "v1"]);
    const some = await list("./store", "--include", "v?", "--include", "*o", "--exclude", "so*");
    assert.deepEqual(some.lines, [`v1  ${image}  manifest  -`]);
    const named = await stowage(["ls", "./store", "--untagged", "--size", "--json"], { cwd });
    const { schema, place: where, entries } = named.json<{
      schema: string;
      place: string;
      entries: { digest: string; kind: string; names?: string[]; contentBytes: number }[];
    }>();
    assert.deepEqual([schema, where, entries.length], ["stowage.list/1", "./store", 5]);
    assert.deepEqual(entries.map(({ names }) => names?.[0]), [
      "latest",
      "multi",
      "solo",
      "v1",
      undefined,
    ]);
    assert.equal(entries[4]?.digest, signature);
    await using layout = await openFolder(place);
    const sizes = await Promise.all(
      [solo, ...(await layout.children(solo)).map(({ digest }) => digest)]
        .map(async (digest) => (await layout.info(digest)).size),
    );
    assert.equal(entries[2]?.contentBytes, sizes.reduce((sum, size) => sum + size));
    assert.deepEqual(snapshot(place), before);
  }));

test("list --blobs shows what is stored, filtered by digest, size and labels", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { descriptor: { digest }, bytes } = blobOf("labelled");
    {
      await using layout = await openFolder(place);
      await layout.push({}, bytes);
      await layout.push({}, blobOf("other").bytes);
      await layout.update(digest, { team: "web" });
    }
    const list = (...args: string[]) => stowage(["list", "--blobs", "./store", ...args], { cwd });
    const text = await list();
    assert.equal(text.lines.length, 2, text.err);
    assertTidy(text);
    assert.match(
      text.out,
      new RegExp(`${digest}  8 B  \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z  team=web\n`),
    );
    assert.equal((await list("-q", "--filter", "labels.team==web")).out, `${digest}\n`);
    const { blobs } = (await list("--json", "--filter", "size==8")).json<{
      blobs: { digest: string; size: number; labels: Record<string, string>; createdAt: string }[];
    }>();
    assert.deepEqual(blobs.map(({ digest, size, labels }) => ({ digest, size, labels })), [
      { digest, size: 8, labels: { team: "web" } },
    ]);
    assert.ok(!Number.isNaN(Date.parse(blobs[0]?.createdAt ?? "")));
    assert.equal((await list("--untagged")).code, 64);
    assert.equal((await stowage(["list", "./store", "--filter", "size==8"], { cwd })).code, 64);
    assert.equal((await stowage(["list", "./absent"], { cwd })).code, 2);
  }));
