import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { blobPath, entriesIn, openFolder, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";
import { assertTidy, damage, isWhole, tellStory } from "./story.ts";

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly digest?: string;
  readonly name?: string;
  readonly path?: readonly string[];
  readonly repaired?: boolean;
}

interface Check {
  readonly schema: string;
  readonly ok: boolean;
  readonly checked: { readonly references: number; readonly blobs: number; readonly bytes: number };
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** A folder with the layout of the story and its twin; the program, and what it writes as JSON. */
function withStore(
  story: (
    given: Awaited<ReturnType<typeof tellStory>> & {
      readonly place: string;
      readonly twin: string;
      check(...args: string[]): ReturnType<typeof stowage>;
      checked(code: number, ...args: string[]): Promise<Check>;
    },
  ) => Promise<void>,
): Promise<void> {
  return inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const twin = join(cwd, "twin");
    const told = await tellStory(place);
    cpSync(place, twin, { recursive: true });
    const check = (...args: string[]) => stowage(["check", "./store", ...args], { cwd });
    await story({
      ...told,
      place,
      twin,
      check,
      async checked(code, ...args) {
        const run = await check("--json", ...args);
        assert.equal(run.code, code, run.err);
        return run.json<Check>();
      },
    });
  });
}

test("a whole layout is found whole, and nothing is written", () =>
  withStore(async ({ place, check, checked }) => {
    const before = snapshot(place);
    const run = await check();
    assert.equal(run.code, 0, run.err);
    assertTidy(run);
    assert.match(run.out, /^ok {2}5 references, 13 blobs, [\d.]+ KiB, 0 problems\n$/);
    const all = await checked(0);
    assert.deepEqual([all.schema, all.ok, all.problems, all.warnings], [
      "stowage.check/1",
      true,
      [],
      [],
    ]);
    assert.deepEqual(snapshot(place), before);
  }));

test("of one name only what it reaches is checked", () =>
  inFolder(async (cwd) => {
    const { image, layer, other } = await tellStory(join(cwd, "store"));
    damage(join(cwd, "store"), layer);
    const solo = await stowage(["check", "./store:solo"], { cwd });
    assert.deepEqual([solo.code, solo.lines.length], [0, 1], solo.err);
    assert.match(solo.out, /^ok {2}1 reference, 3 blobs, /);
    const nested = await stowage(["check", `./store@${other}`], { cwd });
    assert.equal(nested.code, 0, nested.err);
    const first = await stowage(["check", `./store@${image}`], { cwd });
    assert.equal(first.lines[0], `FAIL  ${layer}  hash differs  ${image} > layer 1`, first.err);
    assert.equal((await stowage(["check", "./store:absent"], { cwd })).code, 2);
  }));

test("a flipped bit is found with the way to it; a twin mends it", () =>
  withStore(async ({ place, layer, check, checked }) => {
    damage(place, layer);
    const entries = entriesIn(place);
    const before = snapshot(place);
    const found = await check();
    assert.equal(found.code, 3, found.err);
    assertTidy(found);
    assert.equal(found.lines[0], `FAIL  ${layer}  hash differs  v1 > layer 1`);
    assert.match(found.lines[1] ?? "", /^not ok {2}5 references, 13 blobs, .* 1 problem$/);
    assert.equal((await check("--fast")).code, 0);
    assert.deepEqual(snapshot(place), before);
    const mended = await checked(0, "--repair", "--from", "./twin");
    assert.deepEqual(mended.problems, [{
      digest: layer,
      code: "corrupt",
      message: "hash differs",
      path: ["v1", "layer 1"],
      repaired: true,
    }]);
    assert.ok(isWhole(place, layer));
    assert.equal((await check()).code, 0);
    assert.deepEqual(entriesIn(place), entries);
  }));

test("whatever is damaged, cut or missing is told once and mended, manifests with all below them", () =>
  withStore(async ({ place, image, config, layer, multi, other, check, checked }) => {
    damage(place, multi);
    damage(place, image);
    rmSync(blobPath(place, other));
    rmSync(blobPath(place, config));
    truncateSync(blobPath(place, layer), 3);
    const { problems } = await checked(3);
    const told = problems.map(({ digest, message, path }) => [digest, message, path?.join(" > ")]);
    assert.deepEqual(told, [
      [image, "hash differs", "v1"],
      [multi, "hash differs", "multi"],
    ]);
    const dry = await check("--repair", "--from", "./twin", "--dry-run");
    assert.equal(dry.code, 0, dry.err);
    assert.equal(isWhole(place, multi), false);
    const repaired = await checked(0, "--repair", "--from", "./twin");
    assert.deepEqual(
      repaired.problems.map(({ digest, message, repaired }) => [digest, message, repaired]),
      [
        [image, "hash differs", true],
        [config, "missing", true],
        [layer, "it has 3 bytes, not 14", true],
        [multi, "hash differs", true],
        [other, "missing", true],
      ],
    );
    assert.equal((await check()).code, 0);
    assert.ok([image, config, layer, multi, other].every((digest) => isWhole(place, digest)));
  }));

test("without a sound copy a damaged blob is set aside, no name is dropped, the problem remains", () =>
  withStore(async ({ place, twin, layer, check, checked }) => {
    damage(place, layer);
    damage(twin, layer);
    const entries = entriesIn(place);
    const { ok, problems } = await checked(3, "--repair", "--from", "./twin");
    assert.deepEqual([ok, problems.map(({ message }) => message)], [false, [
      "hash differs; set aside",
    ]]);
    assert.ok(!existsSync(blobPath(place, layer)));
    assert.deepEqual(entriesIn(place), entries);
    const again = await check();
    assert.match(again.out, new RegExp(`^FAIL {2}${layer} {2}missing {2}v1 > layer 1\n`));
    assert.equal((await check("--from", "./twin")).code, 64);
  }));

test("a sample reads as much as it may, the same for the same seed; unreachable blobs only if asked", () =>
  withStore(async ({ place, checked, check }) => {
    let stray = "";
    {
      await using layout = await openFolder(place);
      stray = (await layout.push({}, new Uint8Array(5000))).descriptor.digest;
    }
    damage(place, stray);
    const full = (await checked(0)).checked;
    const { problems } = await checked(3, "--unreachable");
    assert.deepEqual(problems.map(({ digest, path }) => [digest, path]), [[stray, undefined]]);
    const nodes = (await checked(0, "--fast")).checked.bytes;
    const some = (await checked(0, "--sample", "30%", "--seed", "7")).checked;
    assert.deepEqual((await checked(0, "--sample", "30%", "--seed", "7")).checked, some);
    assert.ok(
      nodes < some.bytes && some.bytes < full.bytes,
      `${nodes} ${some.bytes} ${full.bytes}`,
    );
    assert.equal((await checked(0, "--sample", "10GiB")).checked.bytes, full.bytes);
    assert.equal((await check("--sample", "lots")).code, 64);
  }));

test("a missing oci-layout is put back; an index that is there is not rebuilt", () =>
  withStore(async ({ place, check, checked }) => {
    rmSync(join(place, "oci-layout"));
    assert.equal((await check()).code, 2);
    const mended = await checked(0, "--repair");
    assert.deepEqual(mended.warnings.map(({ code }) => code), ["repaired"]);
    assert.ok(existsSync(join(place, "oci-layout")));
    assert.equal((await check("--rebuild-index")).code, 3);
    assert.equal(entriesIn(place).length, 5);
  }));

test("a lost index is listed anew and marked until it is accepted", () =>
  withStore(async ({ place, multi, solo, signature, check, checked }) => {
    rmSync(join(place, "index.json"));
    const dry = await check("--rebuild-index", "--dry-run");
    assert.equal(dry.code, 0, dry.err);
    assert.ok(!existsSync(join(place, "index.json")));
    writeFileSync(join(place, "index.json"), '{"manifests": [');
    const lost = await check();
    assert.equal(lost.code, 3, lost.err);
    assert.match(lost.err, /next: {2}stowage check --rebuild-index/);
    const rebuilt = await checked(0, "--rebuild-index");
    assert.ok(rebuilt.warnings.some(({ message }) => message.includes("--accept-index")));
    const roots = entriesIn(place).map(({ digest }) => digest as string);
    for (const root of [multi, solo, signature]) assert.ok(roots.includes(root), root);
    assert.deepEqual((await checked(0, "--accept-index")).warnings, []);
    const facts = JSON.parse(readFileSync(join(place, ".stowage/layout.json"), "utf8"));
    assert.equal(facts.repaired, undefined);
  }));

test("entries that are none fail; names of two digests and what a sparse layout lacks are warnings", () =>
  withStore(async ({ place, image, solo, layer, other, checked }) => {
    const path = join(place, "index.json");
    const index = JSON.parse(readFileSync(path, "utf8"));
    const { annotations, ...entry } = index.manifests[0];
    const again = { ...entry, digest: solo, size: readFileSync(blobPath(place, solo)).length };
    index.manifests.push({ ...again, annotations }, { digest: "sha256:short" });
    writeFileSync(path, JSON.stringify(index));
    const { problems, warnings, checked: { references } } = await checked(3);
    assert.deepEqual(problems.map(({ code, message }) => [code, message]), [
      ["invalid", "entry 7 of the index is no descriptor"],
    ]);
    assert.deepEqual(warnings.map(({ code, name }) => [code, name]), [["ambiguous", "v1"]]);
    assert.equal(references, 6);
    index.manifests = index.manifests.slice(0, 5);
    writeFileSync(path, JSON.stringify(index));
    writeFileSync(join(place, ".stowage/layout.json"), '{"format":1,"sparse":true}');
    rmSync(blobPath(place, layer));
    rmSync(blobPath(place, other));
    const sparse = await checked(0);
    assert.deepEqual(sparse.problems, []);
    assert.match(sparse.warnings[0]?.message ?? "", /^2 blobs not stored/);
    assert.ok(isWhole(place, image));
  }));
