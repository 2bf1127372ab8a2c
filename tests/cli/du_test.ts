import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Digest } from "../../core/mod.ts";
import { openFolder, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";
import { assertTidy, tellStory } from "./story.ts";

interface Held {
  readonly name: string;
  readonly total: number;
  readonly unique: number;
  readonly shared: number;
}

interface Usage {
  readonly schema: string;
  readonly references: readonly Held[];
  readonly stored: number;
  readonly live: number;
  readonly unreachable: number;
  readonly ingests: number;
}

test("du tells what each name holds alone and with others, and what nothing holds", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const story = await tellStory(place);
    const sizes = new Map<Digest, number>();
    const parts = new Map<Digest, Digest[]>();
    {
      await using layout = await openFolder(place);
      for (const digest of Object.values(story)) {
        parts.set(digest, [
          digest,
          ...(await layout.children(digest)).map((child) => child.digest),
        ]);
      }
      await layout.push({}, new Uint8Array(1000));
      await using writer = await layout.openWriter({ ref: "half" });
      await writer.write(new Uint8Array(77));
      for await (const { digest, size } of layout.walk()) sizes.set(digest, size);
    }
    const before = snapshot(place);
    const sum = (...digests: Digest[]) =>
      [...new Set(digests.flatMap((digest) => parts.get(digest) ?? []))]
        .reduce((bytes, digest) => bytes + (sizes.get(digest) ?? 0), 0);
    const { image, multi, other, signature, solo } = story;
    const run = await stowage(["du", "./store", "--sort", "name", "--json"], { cwd });
    assert.equal(run.code, 0, run.err);
    const { schema, references, ...totals } = run.json<Usage>();
    assert.equal(schema, "stowage.du/1");
    const signed = sum(image, signature);
    const own = sum(solo);
    const multiUnique = (sizes.get(multi) ?? 0) + sum(other);
    assert.deepEqual(references, [
      { name: "latest", total: signed, unique: 0, shared: signed },
      { name: "multi", total: signed + multiUnique, unique: multiUnique, shared: signed },
      { name: "solo", total: own, unique: own, shared: 0 },
      { name: "v1", total: signed, unique: 0, shared: signed },
    ]);
    const stored = sizes.values().reduce((bytes, size) => bytes + size, 0);
    assert.deepEqual(
      [totals.stored, totals.live, totals.unreachable, totals.ingests],
      [stored, stored - 1000, 1000, 77],
    );
    const text = await stowage(["du", "./store"], { cwd });
    assertTidy(text);
    assert.deepEqual(text.lines.map((line) => line.split(" ")[0]), [
      "NAME",
      ...(multiUnique > own ? ["multi", "solo"] : ["solo", "multi"]),
      "latest",
      "v1",
      "",
      "stored",
      "live",
      "unreachable",
      "unfinished",
    ]);
    const only = (await stowage(["du", "./store:v1", "--json"], { cwd })).json<Usage>();
    assert.deepEqual(only.references.map(({ name }) => name), ["v1"]);
    const child = (await stowage(["du", `./store@${other}`, "--json"], { cwd })).json<Usage>();
    assert.deepEqual(child.references, [
      { name: other, total: sum(other), unique: 0, shared: sum(other) },
    ]);
    assert.deepEqual(snapshot(place), before);
  }));
