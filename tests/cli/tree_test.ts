import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { blobPath } from "./layout.ts";
import { inFolder, type Run, stowage } from "./stowage.ts";
import { assertTidy, damage, tellStory } from "./story.ts";

interface Node {
  readonly entry: { readonly digest: string; readonly names?: string[] };
  readonly role: string;
  readonly present: boolean;
  readonly seen?: boolean;
  readonly problem?: string;
  readonly children: readonly Node[];
}

/** The drawing: branches, roles or names, and what is said at the end. */
function drawing({ lines }: Run): string[] {
  return lines.map((line) =>
    line.replace(/ {2}sha256:\S+ .*?(MISSING|\(seen above\))?$/, " $1").trimEnd()
  );
}

test("tree draws every entry once, in ASCII where the terminal knows nothing else", () =>
  inFolder(async (cwd) => {
    await tellStory(join(cwd, "store"));
    const plain = await stowage(["tree", "./store", "--referrers"], { cwd, env: { LC_ALL: "C" } });
    assert.equal(plain.code, 0, plain.err);
    assertTidy(plain);
    assert.match(plain.out, /^[\x20-\x7e\n]+$/);
    assert.deepEqual(drawing(plain), [
      "v1, latest  manifest",
      "|-- config",
      "|-- layer",
      "`-- referrer",
      "    |-- config",
      "    `-- layer",
      "multi  index",
      "|-- manifest (seen above)",
      "`-- manifest",
      "    |-- config",
      "    `-- layer",
      "solo  manifest",
      "|-- config",
      "`-- layer",
    ]);
    const drawn = await stowage(["tree", "./store:multi", "--depth", "1"], { cwd });
    assert.deepEqual(drawing(drawn), ["multi  index", "├── manifest", "└── manifest"], drawn.err);
    const bare = await stowage(["tree", "./store:v1", "--no-layers"], { cwd });
    assert.deepEqual(drawing(bare), ["v1  manifest", "└── config"], bare.err);
  }));

test("tree says what is missing and what cannot be read, and goes on", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { image, layer, other, signature, solo } = await tellStory(place);
    rmSync(blobPath(place, layer));
    rmSync(blobPath(place, other));
    damage(place, solo);
    const text = await stowage(["tree", "./store"], { cwd });
    assert.equal(text.code, 0, text.err);
    assert.equal(text.lines.filter((line) => line.endsWith("MISSING")).length, 2);
    assert.equal(text.lines.filter((line) => line.includes("  UNREADABLE: ")).length, 1);
    const { schema, roots } = (await stowage(["tree", "./store", "--referrers", "--json"], { cwd }))
      .json<{ schema: string; roots: Node[] }>();
    assert.equal(schema, "stowage.tree/1");
    const [first, multi, last] = roots;
    assert.deepEqual([first?.entry.digest, first?.entry.names], [image, ["v1", "latest"]]);
    const parts = (node?: Node) => node?.children.map(({ role, present }) => [role, present]);
    assert.deepEqual(parts(first), [["config", true], ["layer", false], ["referrer", true]]);
    assert.equal(first?.children[2]?.entry.digest, signature);
    assert.deepEqual(multi?.children.map(({ seen, present }) => [seen, present]), [
      [true, true],
      [undefined, false],
    ]);
    assert.ok(last?.problem);
  }));
