// Layouts of other people's tools, collected without grace: what they need is there afterwards, as they see it.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openLayout } from "../../mod.ts";
import { stowage } from "../cli/stowage.ts";
import { withRegistry } from "./registry.ts";
import { buildahIn, needing, rootFileSystem, run, scratch, umociLayout } from "./tools.ts";

async function program(...args: string[]): Promise<string> {
  const { code, out, err } = await stowage(args);
  assert.equal(code, 0, `${args.join(" ")}: ${err}`);
  return out;
}

/** Adds garbage, ours and files of nobody's; plans, applies, checks; only our garbage is gone. */
async function collected(place: string): Promise<void> {
  const garbage = new TextEncoder().encode(`garbage of ${place}`);
  {
    await using layout = await openLayout(place, { mode: "create" });
    await layout.push({}, garbage);
    await layout.pushManifest(
      new TextEncoder().encode(JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [],
        annotations: { nobody: "lists this" },
      })),
      { list: false },
    );
  }
  const strays = ["blobs/sha256/.temporary-0123", "oci-put-blob123456", "notes.txt"];
  for (const name of strays) await writeFile(join(place, name), "stray");
  const plan = `${place}.plan`;
  await program("gc", "plan", place, "--grace", "0s", "--max-drop", "100%", "-o", plan);
  const { blobs, drops } = JSON.parse(await readFile(plan, "utf8"));
  assert.deepEqual([blobs.length, drops.length], [2, 0]);
  await program("gc", "apply", place, plan, "--trash", "0s", "--max-drop", "100%");
  for (const name of strays) assert.ok(existsSync(join(place, name)), `${name} is gone`);
  await program("check", place);
  // Others stop at strangers among the blobs.
  run("rm", strays.map((name) => join(place, name)));
}

needing(["umoci", "skopeo"], "umoci unpacks all of its names after a collection", async () => {
  const folder = await scratch();
  const place = await umociLayout(folder);
  await collected(place);
  for (const name of ["v1", "v2"]) {
    run("umoci", ["unpack", "--image", `umoci:${name}`, `out-${name}`], folder);
    const [rootfs, out] = [join(folder, "rootfs"), join(folder, `out-${name}/rootfs`)];
    run("diff", ["-r", "--no-dereference", rootfs, out]);
    run("skopeo", ["inspect", "--config", `oci:${place}:${name}`]);
  }
  const before = run("find", [join(place, "blobs"), "-type", "f"]);
  run("umoci", ["gc", "--layout", place]);
  assert.equal(run("find", [join(place, "blobs"), "-type", "f"]), before, "umoci agrees");
});

needing(
  ["buildah", "skopeo"],
  "skopeo copies what buildah and skopeo had written, after a collection",
  async () => {
    const folder = await scratch();
    const place = join(folder, "store");
    const root = await rootFileSystem(join(folder, "rootfs"));
    const buildah = await buildahIn(folder);
    const container = buildah("from", "scratch");
    buildah("copy", container, root, "/");
    buildah("commit", container, `oci:${place}:v1`);
    run("skopeo", ["copy", `oci:${place}:v1`, `oci:${place}:reg.example/app:v2`]);
    await collected(place);
    for (const name of ["v1", "reg.example/app:v2"]) {
      run("skopeo", ["copy", `oci:${place}:${name}`, `dir:${join(folder, "plain")}`]);
    }
  },
);

needing(
  ["regctl"],
  "regctl has its images, and the artifact it attached, after a collection",
  async () => {
    const folder = await scratch();
    const [place, twin] = [join(folder, "store"), join(folder, "twin")];
    await writeFile(join(folder, "file"), "an artifact");
    const put = (...more: string[]) =>
      run("regctl", ["artifact", "put", "--file", join(folder, "file"), ...more]);
    put("--artifact-type", "application/vnd.test", `ocidir://${place}:v1`);
    put("--artifact-type", "application/vnd.sbom", "--subject", `ocidir://${place}:v1`);
    await collected(place);
    assert.match(run("regctl", ["artifact", "list", `ocidir://${place}:v1`]), /vnd\.sbom/);
    run("regctl", ["image", "copy", "--referrers", `ocidir://${place}:v1`, `ocidir://${twin}:v1`]);
    assert.match(run("regctl", ["artifact", "list", `ocidir://${twin}:v1`]), /vnd\.sbom/);
    assert.equal(run("regctl", ["artifact", "get", `ocidir://${twin}:v1`]), "an artifact");
  },
);

needing(
  ["oras-go"],
  "oras has what it pushed and what it attached, after a collection",
  async () => {
    const folder = await scratch();
    const place = join(folder, "store");
    const oras = (verb: string, ref: string, ...args: string[]) =>
      JSON.parse(run("oras-go", [verb, place, ref, ...args], folder));
    await writeFile(join(folder, "file.txt"), "pushed by oras");
    oras("push", "v1", "file.txt");
    oras("attach", "v1", "application/vnd.test.note");
    await collected(place);
    assert.equal(oras("referrers", "v1").length, 1);
    oras("pull", "v1", join(folder, "out"));
    assert.equal(await readFile(join(folder, "out/file.txt"), "utf8"), "pushed by oras");
  },
);

needing(
  ["crane", "docker-registry", "oras-go", "skopeo"],
  "crane pushes what it had pulled, after a collection",
  async () => {
    const folder = await scratch();
    const place = join(folder, "pulled");
    await writeFile(join(folder, "file.txt"), "for crane");
    run("oras-go", ["push", join(folder, "store"), "v1", "file.txt"], folder);
    await withRegistry(folder, async (registry) => {
      run("skopeo", [
        "copy",
        "--dest-tls-verify=false",
        `oci:${join(folder, "store")}:v1`,
        `docker://${registry}/app:v1`,
      ]);
      const digest = run("crane", ["digest", `${registry}/app:v1`]);
      run("crane", ["pull", "--format=oci", "--annotate-ref", `${registry}/app:v1`, place]);
      await collected(place);
      run("crane", ["push", "--insecure", place, `${registry}/app:v2`]);
      assert.equal(run("crane", ["digest", `${registry}/app:v2`]), digest);
    });
  },
);
