// Layouts as their tools leave them, collected: the tools find there what they found before, and nothing else is left.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { GcReport } from "../../mod.ts";
import { stowage } from "../cli/stowage.ts";
import { withRegistry } from "./registry.ts";
import { needing, run, scratch } from "./tools.ts";

const ALL = ["--grace", "0s", "--max-drop", "100%"];

/** Collects a layout by the program; its report. */
async function gc(cwd: string, place: string, ...flags: readonly string[]): Promise<GcReport> {
  const done = await stowage(["gc", place, ...ALL, ...flags, "--json"], { cwd });
  assert.equal(done.code, 0, done.err);
  const check = await stowage(["check", place], { cwd });
  assert.equal(check.code, 0, check.out);
  return done.json<GcReport>();
}

const blobsIn = async (folder: string) => (await readdir(join(folder, "blobs", "sha256"))).length;

/** A layout of umoci: images of these names, each of its own config. */
function images(cwd: string, layout: string, names: readonly string[]): void {
  run("umoci", ["init", "--layout", layout], cwd);
  for (const name of names) {
    run("umoci", ["new", "--image", `${layout}:${name}`], cwd);
    run("umoci", ["config", "--image", `${layout}:${name}`, "--config.label", `of=${name}`], cwd);
  }
}

async function inScratch(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await scratch();
  try {
    await test(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

needing(
  ["umoci", "skopeo"],
  "umoci's leftovers go, its images stay, and umoci's own collector finds nothing",
  () =>
    inScratch(async (cwd) => {
      images(cwd, "u", ["a", "b"]);
      const before = await blobsIn(join(cwd, "u"));
      const { blobs, refs } = await gc(cwd, "u");
      assert.deepEqual([refs.kept, refs.dropped.length], [2, 0]);
      assert.ok(blobs.deleted > 0, "umoci config leaves the former image behind");
      run("umoci", ["gc", "--layout", "u"], cwd);
      assert.equal(await blobsIn(join(cwd, "u")), before - blobs.deleted);
      for (const name of ["a", "b"]) {
        assert.match(
          run("skopeo", ["inspect", "--config", `oci:u:${name}`], cwd),
          new RegExp(`"${name}"`),
        );
      }
    }),
);

needing(
  ["umoci", "skopeo"],
  "what skopeo's retags leave without a name stays until a rule drops it",
  () =>
    inScratch(async (cwd) => {
      images(cwd, "u", ["a", "b", "c"]);
      for (const name of ["a", "b", "c"]) {
        run("skopeo", ["copy", "-q", `oci:u:${name}`, "oci:sk:latest"], cwd);
      }
      assert.equal((await gc(cwd, "sk")).blobs.deleted, 0);
      const { refs, blobs } = await gc(cwd, "sk", "--untagged", "drop");
      assert.deepEqual(refs.dropped.map(({ name, rule }) => [name, rule]), [
        [null, "untagged"],
        [null, "untagged"],
      ]);
      assert.equal(blobs.deleted, 4);
      assert.match(run("skopeo", ["inspect", "--config", "oci:sk:latest"], cwd), /"c"/);
    }),
);

needing(
  ["umoci", "regctl"],
  "regctl's referrers and fallback tags stay with their image, and go with it",
  () =>
    inScratch(async (cwd) => {
      images(cwd, "u", ["a", "b"]);
      for (const name of ["a", "b"]) {
        run("regctl", ["image", "copy", `ocidir://u:${name}`, `ocidir://r:${name}`], cwd);
        writeFileSync(join(cwd, "note"), name);
        const put = [
          "artifact",
          "put",
          "--subject",
          `ocidir://r:${name}`,
          "--artifact-type",
          "a/note",
        ];
        run("regctl", [...put, "-m", "text/plain", "-f", "note"], cwd);
      }
      const listed = () => run("regctl", ["artifact", "list", "ocidir://r:b"], cwd);
      const before = listed();
      const { refs } = await gc(cwd, "r", "--refs", "a");
      assert.ok(refs.dropped.some(({ name }) => name === "a"));
      assert.equal(listed(), before);
      const left = JSON.stringify(JSON.parse(await readFile(join(cwd, "r", "index.json"), "utf8")));
      assert.ok(refs.dropped.every(({ digest }) => !left.includes(digest)));
    }),
);

needing(
  ["umoci", "skopeo", "crane", "docker-registry"],
  "crane's duplicates are one image, kept until both go, and crane pushes what is left",
  () =>
    inScratch(async (cwd) => {
      images(cwd, "u", ["a", "b"]);
      await withRegistry(cwd, async (registry) => {
        for (const name of ["a", "b"]) {
          const to = `docker://${registry}/app:${name}`;
          run("skopeo", ["copy", "-q", "--dest-tls-verify=false", `oci:u:${name}`, to], cwd);
        }
        const pull = ["pull", "--insecure", "--format=oci", "--annotate-ref"];
        for (const name of ["a", "b", "b"]) {
          run("crane", [...pull, `${registry}/app:${name}`, "c"], cwd);
        }
        const init = await stowage(["init", "./c"], { cwd });
        assert.equal(init.code, 0, init.err);
        const { refs } = await gc(cwd, "./c", "--refs", `${registry}/app:b`);
        assert.deepEqual([refs.kept, refs.dropped.length], [1, 2]);
        assert.equal(await blobsIn(join(cwd, "c")), 2);
        run("crane", ["push", "--insecure", "c", `${registry}/app:back`], cwd);
        const digests = ["a", "back"].map((name) =>
          run("crane", ["digest", "--insecure", `${registry}/app:${name}`], cwd)
        );
        assert.equal(digests[0], digests[1]);
      });
    }),
);
