// Layouts of skopeo, umoci and buildah, made from a real root file system: read, changed, and read back by them.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { copy, openLayout } from "../../mod.ts";
import { buildahIn, needing, rootFileSystem, run, scratch, umociLayout } from "./tools.ts";

interface Inspected {
  readonly Digest: string;
  readonly Layers: readonly string[];
}

function skopeoInspect(place: string): Inspected {
  return JSON.parse(run("skopeo", ["inspect", place]));
}

needing(
  ["umoci", "skopeo"],
  "a layout of umoci is listed, retagged and copied, and umoci unpacks both",
  async () => {
    const folder = await scratch();
    const place = await umociLayout(folder);
    await using store = await openLayout(place, { mode: "write" });
    assert.deepEqual((await store.references()).map(({ name }) => name), ["base", "v1", "v2"]);
    await store.tag("v2", "latest");
    await using twin = await openLayout(join(folder, "twin"), { mode: "create" });
    const { copied } = await copy(store, undefined, twin);
    assert.equal(copied.length, 4);
    for (const layout of ["umoci", "twin"]) {
      run("umoci", ["unpack", "--image", `${layout}:latest`, `out-${layout}`], folder);
      run("diff", [
        "-r",
        "--no-dereference",
        join(folder, "rootfs"),
        join(folder, `out-${layout}/rootfs`),
      ]);
      assert.equal(skopeoInspect(`oci:${join(folder, layout)}:latest`).Layers.length, 1);
    }
    run("umoci", ["tag", "--image", "twin:latest", "again"], folder);
    assert.equal((await twin.resolve("again")).digest, (await store.resolve("v2")).digest);
  },
);

needing(
  ["umoci", "skopeo"],
  "what skopeo wrote beside our tags keeps them, and ours keep skopeo's",
  async () => {
    const folder = await scratch();
    const source = await umociLayout(folder);
    const place = join(folder, "store");
    run("skopeo", ["copy", `oci:${source}:v1`, `oci:${place}:reg.example:5000/team/app:1.0`]);
    await using store = await openLayout(place, { mode: "write" });
    const entry = await store.resolve("reg.example:5000/team/app:1.0");
    await store.tag(entry, ["stable", "app:1.0"]);
    run("skopeo", ["copy", `oci:${source}:v2`, `oci:${place}:two`]);
    assert.deepEqual(
      (await store.references()).map(({ name }) => name),
      ["app:1.0", "reg.example:5000/team/app:1.0", "stable", "two"],
    );
    assert.equal(skopeoInspect(`oci:${place}:stable`).Digest, entry.digest);
    assert.equal(skopeoInspect(`oci:${place}:reg.example:5000/team/app:1.0`).Digest, entry.digest);
    run("skopeo", ["copy", `oci:${place}:stable`, `dir:${join(folder, "plain")}`]);
    await store.untag("reg.example:5000/team/app:1.0");
    assert.throws(() => skopeoInspect(`oci:${place}:reg.example:5000/team/app:1.0`));
  },
);

needing(
  ["buildah", "skopeo", "umoci"],
  "an image of buildah is opened, retagged, and read back by skopeo and umoci",
  async () => {
    const folder = await scratch();
    const root = await rootFileSystem(join(folder, "rootfs"));
    const buildah = await buildahIn(folder);
    const container = buildah("from", "scratch");
    buildah("copy", container, root, "/");
    buildah("commit", container, `oci:${join(folder, "store")}:v1`);
    await using store = await openLayout(join(folder, "store"), { mode: "write" });
    const image = await store.single();
    await store.tag("v1", "release");
    assert.equal(skopeoInspect(`oci:${join(folder, "store")}:release`).Digest, image.digest);
    run("umoci", ["unpack", "--image", "store:release", "out"], folder);
    assert.deepEqual(
      (await readdir(join(folder, "out/rootfs"))).sort(),
      (await readdir(root)).sort(),
    );
    const again = buildah("from", `oci:${join(folder, "store")}:release`);
    assert.match(again, /working-container/);
  },
);

needing(
  ["skopeo", "umoci"],
  "an image made here from scratch passes skopeo inspect, skopeo copy and umoci unpack",
  async () => {
    const folder = await scratch();
    const root = await rootFileSystem(join(folder, "rootfs"));
    run("tar", ["-C", root, "-cf", join(folder, "layer.tar"), "."]);
    const bytes = await readFile(join(folder, "layer.tar"));
    const place = join(folder, "store");
    await using store = await openLayout(place, { mode: "create" });
    const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    const layer = await store.push({ mediaType: "application/vnd.oci.image.layer.v1.tar" }, bytes);
    const config = await store.push(
      { mediaType: "application/vnd.oci.image.config.v1+json" },
      json({
        architecture: "amd64",
        os: "linux",
        config: {},
        rootfs: { type: "layers", diff_ids: [layer.descriptor.digest] },
        history: [],
      }),
    );
    const manifest = json({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: config.descriptor,
      layers: [layer.descriptor],
    });
    const entry = await store.pushManifest(manifest, { ref: "v1" });
    assert.equal(skopeoInspect(`oci:${place}:v1`).Digest, entry.digest);
    run("skopeo", ["copy", `oci:${place}:v1`, `oci:${join(folder, "copy")}:v1`]);
    run("umoci", ["unpack", "--image", "store:v1", "out"], folder);
    run("diff", ["-r", "--no-dereference", root, join(folder, "out/rootfs")]);
    assert.equal(store.notices.length, 0);
  },
);
