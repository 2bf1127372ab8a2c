// Archives as others read them, before and after a compaction, and torn by a crash.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copy, openLayout } from "../../mod.ts";
import { openAt } from "../plugins/tar/archives.ts";
import { tornStates } from "../plugins/tar/states.ts";
import { buildahIn, needing, rootFileSystem, run, scratch } from "./tools.ts";

/** Prints what Python finds: names, sizes, and the index it takes for the right one. */
const PYTHON = `
import sys, tarfile
for path in sys.argv[1:]:
    with tarfile.open(path) as t:
        names = t.getnames()
        print(len(names), t.extractfile("index.json").read().decode())
`;

/** An image of a root file system in a layout of umoci's. */
async function image(folder: string): Promise<string> {
  await rootFileSystem(join(folder, "rootfs"));
  const umoci = (...args: string[]) => run("umoci", args, folder);
  umoci("init", "--layout", "umoci");
  umoci("new", "--image", "umoci:base");
  umoci("unpack", "--image", "umoci:base", "bundle");
  run("cp", ["-a", `${join(folder, "rootfs")}/.`, join(folder, "bundle/rootfs")]);
  umoci("repack", "--image", "umoci:v1", "bundle");
  umoci("config", "--image", "umoci:v1", "--tag", "v2", "--config.cmd", "/bin/sh");
  return join(folder, "umoci");
}

needing(
  ["skopeo", "umoci", "buildah", "tar", "bsdtar", "python3"],
  "an archive that grew, lost and was compacted is read by skopeo, umoci, buildah, GNU tar, bsdtar and Python",
  async () => {
    const folder = await scratch();
    await using source = await openLayout(await image(folder));
    const path = join(folder, "a.tar");
    {
      await using archive = await openLayout(path, { mode: "create" });
      await copy(source, "v1", archive);
      await copy(source, "v2", archive);
      await archive.tag("v2", "latest");
    }
    const wanted = (await source.resolve("v2")).digest;
    const buildah = await buildahIn(folder);
    const isRead = async (round: string) => {
      const seen = JSON.parse(run("skopeo", ["inspect", `oci-archive:${path}:latest`]));
      assert.equal(seen.Digest, wanted);
      run("skopeo", ["copy", `oci-archive:${path}:v1`, `oci:${join(folder, `copy-${round}`)}:v1`]);
      const out = join(folder, `out-${round}`);
      await mkdir(out);
      run("tar", ["-xf", path, "-C", out]);
      run("umoci", ["unpack", "--image", `${out}:v2`, join(folder, `bundle-${round}`)]);
      assert.match(buildah("from", `oci-archive:${path}:v2`), /working-container/);
      const index = run("python3", ["-c", PYTHON, path]).replace(/^\d+ /, "");
      assert.equal(run("bsdtar", ["-xOf", path, "index.json"]), index.trim());
      assert.equal(run("bsdtar", ["-tf", path]), run("tar", ["-tf", path]));
      assert.equal(JSON.parse(index).manifests.length, 3, index);
    };
    await isRead("grown");
    {
      await using archive = await openAt(path, { mode: "write" });
      const { before, after } = await archive.compact();
      assert.ok(after < before);
    }
    await isRead("compacted");
  },
);

needing(
  ["tar", "bsdtar", "python3", "go"],
  "torn anywhere by an append, an archive is read by Go, GNU tar, bsdtar and Python, as before or as after",
  async () => {
    const folder = await scratch();
    const paths: string[] = [];
    const wanted: string[] = [];
    for await (const { bytes, index } of tornStates(61)) {
      const path = join(folder, `${paths.length}.tar`);
      await writeFile(path, bytes);
      paths.push(path);
      wanted.push(index);
    }
    assert.ok(paths.length > 100, `only ${paths.length} states`);
    await mkdir(join(folder, "reader"));
    const program = await readFile(new URL("./reader/main.go", import.meta.url));
    await writeFile(join(folder, "reader/main.go"), program);
    const go = run("go", ["run", "main.go", ...paths], join(folder, "reader"));
    assert.deepEqual(go.trim().split("\n"), wanted);
    const python = run("python3", ["-c", PYTHON, ...paths]).trim().split("\n");
    assert.deepEqual(python.map((line) => line.replace(/^\d+ /, "")), wanted);
    for (const [at, path] of paths.entries()) {
      for (const tar of ["tar", "bsdtar"]) {
        const all = run(tar, ["-xOf", path, "index.json"]);
        assert.ok(all.endsWith(wanted[at] ?? "-"), `${tar} ${path}`);
      }
    }
  },
);
