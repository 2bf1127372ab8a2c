import assert from "node:assert/strict";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bytes } from "../../core/mod.ts";
import type { Report } from "../../plugins/gc/report.ts";
import { blobPath, entriesIn, snapshot } from "./layout.ts";
import { inFolder, type Run, stowage } from "./stowage.ts";

/** Runs the program in a folder, to an exit code that is expected. */
async function at(cwd: string, args: readonly string[], code = 0): Promise<Run> {
  const run = await stowage(args, { cwd });
  assert.equal(run.code, code, `${args.join(" ")}: ${run.err}`);
  return run;
}

async function pushed(cwd: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    writeFileSync(join(cwd, `${name}.txt`), `the file of ${name}\n`);
    await at(cwd, ["push", `./store:${name}`, `${name}.txt`, "--create", "-q"]);
  }
}

const namesIn = (cwd: string) => entriesIn(join(cwd, "store")).map(({ name }) => name);

test("builds are planned away, looked at, collected as planned, and taken back", () =>
  inFolder(async (cwd) => {
    await pushed(cwd, "main", "pr-1", "pr-2", "pr-3");
    const policy = {
      schema: "stowage.retention/1",
      grace: "0s",
      maxDrop: "60%",
      rules: [{ refs: ["main"], keep: "always" }, { refs: ["pr-*"], keepLast: 1 }],
    };
    writeFileSync(join(cwd, "r.json"), JSON.stringify(policy));
    const rules = ["--retention", "r.json"];
    const before = snapshot(join(cwd, "store"));

    const plan = await at(cwd, ["gc", "plan", "./store", ...rules, "-o", "plan.json"]);
    assert.deepEqual(plan.lines.slice(0, 2), [
      "drop  pr-1  2 newer",
      "drop  pr-2  1 newer",
    ]);
    assert.equal(JSON.parse(readFileSync(join(cwd, "plan.json"), "utf8")).blobs.length, 4);
    const why = await at(cwd, ["gc", "explain", "./store:pr-1", ...rules]);
    assert.equal(
      why.out,
      "drop  pr-1  rule 2 (pr-*)  2 newer\ngoes  with the next run\n",
    );
    const dry = await at(cwd, ["gc", "./store", ...rules, "--dry-run", "--exit-code"], 10);
    assert.deepEqual(snapshot(join(cwd, "store")), before);

    // What the plan does not say stays, though rules let it go by now.
    await pushed(cwd, "pr-4");
    const applied = await at(cwd, ["gc", "apply", "./store", "plan.json", ...rules, "--json"]);
    const report = applied.json<Report & { schema: string }>();
    assert.deepEqual([report.schema, report.mode, report.blobs.deleted], [
      "stowage.gc/1",
      "apply",
      4,
    ]);
    assert.match(dry.out, new RegExp(`deleted +4 blobs, ${bytes(report.bytes.deleted)}\n`));
    assert.deepEqual(namesIn(cwd), ["main", "pr-3", "pr-4"]);
    const status = await at(cwd, ["gc", "status", "./store"]);
    assert.match(status.out, /last +over/);
    assert.match(status.out, /trash +4 blobs/);

    const back = await at(cwd, ["gc", "undo", "./store"]);
    assert.deepEqual(back.lines, ["back  pr-1", "back  pr-2", "4 blobs back from the trash"]);
    assert.deepEqual(namesIn(cwd), ["main", "pr-3", "pr-4", "pr-1", "pr-2"]);
    await at(cwd, ["check", "./store"]);
  }));

test("a plan whose names have moved is not applied, one that is no plan is not read", () =>
  inFolder(async (cwd) => {
    await pushed(cwd, "main", "pr-1");
    const flags = ["--refs", "pr-*", "--grace", "0s", "--max-drop", "100%"];
    await at(cwd, ["gc", "plan", "./store", ...flags, "-o", "plan.json"]);
    await at(cwd, ["tag", "./store:main", "pr-1"]);
    const index = () => readFileSync(join(cwd, "store", "index.json"), "utf8");
    const before = index();
    const moved = await at(cwd, ["gc", "apply", "./store", "plan.json"], 4);
    assert.match(moved.err, /"pr-1" has moved on/);
    assert.equal(index(), before);
    await at(cwd, ["gc", "apply", "./store", "main.txt"], 64);
    await at(cwd, ["gc", "apply", "./store", "none.json"], 64);
  }));

test("bytes nobody names wait for an hour, then go; more than half of all is too much", () =>
  inFolder(async (cwd) => {
    await pushed(cwd, "main", "old");
    const digest = entriesIn(join(cwd, "store")).find(({ name }) => name === "old")?.digest ?? "";
    await at(cwd, ["untag", "./store:old"]);
    const young = (await at(cwd, ["gc", "./store", "--json"])).json<Report>();
    assert.deepEqual([young.blobs.waiting, young.blobs.deleted], [2, 0]);
    const ago = Date.now() / 1000 - 7200;
    utimesSync(blobPath(join(cwd, "store"), digest), ago, ago);
    const flags = ["gc", "./store", "--max-drop", "1%"];
    const why = (await at(cwd, flags, 3)).err;
    assert.match(why, /bytes would go, more than 1 %/);
    assert.match(why, /next: {2}stowage gc plan '.*', with the same flags,/);
    const planned = await at(cwd, ["gc", "plan", ...flags.slice(1)]);
    assert.match(planned.out, /would fail +Cannot collect: .*, more than 1 % {2}\[refused\]\n$/);
    const objects = (await at(cwd, ["gc", "./store", "--explain", "--json"])).json<Report>();
    assert.deepEqual(objects.objects?.map(({ action }) => action), ["delete", "wait"]);
    assert.equal(objects.blobs.deleted, 1);
    const both = await at(cwd, ["gc", "./none", "./store", "--keep-going", "--json"], 7);
    assert.equal(both.json<Report>().blobs.waiting, 1);
  }));

test("what is typed wrong is said before anything is opened", () =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "other.json"), "{}");
    for (
      const flags of [
        ["--keep-last", "3"],
        ["--keep-semver", ">=1"],
        ["--refs", "*", "--keep-semver", "newest"],
        ["--cron", "at noon"],
        ["--jitter", "5s"],
        ["--metrics", "other.json"],
        ["--untagged", "soon"],
        ["--max-drop", "half"],
        ["--retention", "none.json"],
        ["-o", "plan.json"],
      ]
    ) {
      const run = await at(cwd, ["gc", "./store", ...flags], 64);
      assert.match(run.err, /Cannot/);
    }
  }));

test("who promises to be alone has all garbage gone at once, and versions of a range stay", () =>
  inFolder(async (cwd) => {
    await pushed(cwd, "v1.2.0", "v1.0.0", "v0.9.0");
    const flags = ["--refs", "v*", "--keep-semver", ">=1", "--exclusive", "--json"];
    const { refs, blobs, trash, policy } = (await at(cwd, ["gc", "./store", ...flags]))
      .json<Report>();
    assert.deepEqual([refs.dropped.map(({ name }) => name), blobs.deleted], [["v0.9.0"], 2]);
    assert.deepEqual([trash.bytes, policy.grace, policy.quarantine], [0, 0, 0]);
    assert.deepEqual(namesIn(cwd), ["v1.2.0", "v1.0.0"]);
    await at(cwd, ["gc", "undo", "./store"], 2);
    await at(cwd, ["check", "./store"]);
  }));

test("a budget ends a run with 7, and the next one goes on; --exit-code says whether work is left", () =>
  inFolder(async (cwd) => {
    await pushed(cwd, "main", "a", "b");
    const flags = ["--refs", "?", "--grace", "0s", "--max-drop", "100%", "--max-deletes", "3"];
    await at(cwd, ["gc", "plan", "./store", ...flags, "--exit-code"], 10);
    const first = await at(cwd, ["gc", "./store", ...flags], 7);
    assert.match(first.out, /deleted +3 blobs.*\n[^]*stopped +budget of deletes is spent\n$/);
    assert.match((await at(cwd, ["gc", "status", "./store"])).out, /condemned +[1-9]/);
    await at(cwd, ["check", "./store"]);
    const second = (await at(cwd, ["gc", "./store", ...flags, "--json", "--exit-code"]))
      .json<Report>();
    assert.deepEqual([second.resumed, second.blobs.deleted, second.stopped], [1, 1, undefined]);
    assert.deepEqual(namesIn(cwd), ["main"]);
  }));
