// crane, regctl and oras-go on layouts of ours, and we on theirs.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copy, type Layout, openLayout } from "../../mod.ts";
import { withRegistry } from "./registry.ts";
import { needing, run, scratch } from "./tools.ts";

const IMAGE = "application/vnd.oci.image.manifest.v1+json";

/** An artifact of one text file, under a name. */
async function artifact(store: Layout, name: string, text: string) {
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const config = await store.push({ mediaType: "application/vnd.oci.empty.v1+json" }, bytes({}));
  const layer = await store.push(
    { mediaType: "text/plain", annotations: { "org.opencontainers.image.title": "note.txt" } },
    new TextEncoder().encode(text),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE,
    artifactType: "application/vnd.test",
    config: config.descriptor,
    layers: [layer.descriptor],
  };
  return await store.pushManifest(bytes(manifest), { ref: name });
}

needing(
  ["regctl"],
  "regctl lists, reads and copies what we wrote, and we read its copy",
  async () => {
    const folder = await scratch();
    const place = join(folder, "store");
    await using store = await openLayout(place, { mode: "create" });
    const entry = await artifact(store, "v1", "for regctl");
    await store.tag("v1", "latest");
    assert.equal(run("regctl", ["tag", "ls", `ocidir://${place}`]), "latest\nv1\n");
    assert.equal(run("regctl", ["manifest", "head", `ocidir://${place}:v1`]).trim(), entry.digest);
    run("regctl", ["image", "copy", `ocidir://${place}:v1`, `ocidir://${join(folder, "twin")}:v1`]);
    run("regctl", ["image", "copy", `ocidir://${place}:v1`, `ocidir://${place}:v2`]);
    await using twin = await openLayout(join(folder, "twin"), { mode: "write" });
    assert.equal((await twin.resolve("v1")).digest, entry.digest);
    await twin.tag("v1", "v3");
    assert.equal(run("regctl", ["tag", "ls", `ocidir://${join(folder, "twin")}`]), "v1\nv3\n");
    assert.deepEqual((await store.references()).map(({ name }) => name), ["latest", "v1", "v2"]);
  },
);

needing(
  ["regctl"],
  "a referrer that regctl attached is found, and comes along in a copy",
  async () => {
    const folder = await scratch();
    const place = join(folder, "store");
    await using store = await openLayout(place, { mode: "create" });
    const entry = await artifact(store, "v1", "subject");
    await writeFile(join(folder, "sbom.json"), "{}");
    run("regctl", [
      "artifact",
      "put",
      "--subject",
      `ocidir://${place}:v1`,
      "--artifact-type",
      "application/vnd.test.sbom",
      "--file",
      join(folder, "sbom.json"),
    ]);
    const [sbom, ...others] = await store.referrers(entry.digest);
    assert.equal(sbom?.artifactType, "application/vnd.test.sbom");
    assert.equal(others.length, 0);
    await using twin = await openLayout(join(folder, "twin"), { mode: "create" });
    await copy(store, "v1", twin, { referrers: true });
    assert.deepEqual(await twin.referrers(entry.digest), [sbom]);
  },
);

needing(
  ["oras-go"],
  "oras reads our names and referrers, and what it pushes and tags beside them we read",
  async () => {
    const folder = await scratch();
    const place = join(folder, "store");
    await using store = await openLayout(place, { mode: "create" });
    const entry = await artifact(store, "v1", "for oras");
    const oras = (verb: string, ref: string, ...args: string[]) =>
      JSON.parse(run("oras-go", [verb, place, ref, ...args], folder));
    assert.deepEqual(oras("tags", ""), ["v1"]);
    assert.equal(oras("resolve", "v1").digest, entry.digest);
    await writeFile(join(folder, "file.txt"), "pushed by oras");
    const pushed = oras("push", "v2", "file.txt");
    assert.equal((await store.resolve("v2")).digest, pushed.digest);
    const attached = oras("attach", "v1", "application/vnd.test.note");
    assert.deepEqual((await store.referrers(entry.digest)).map(({ digest }) => digest), [
      attached.digest,
    ]);
    await store.tag("v2", "v3");
    assert.deepEqual(oras("tags", ""), ["v1", "v2", "v3"]);
    assert.equal(oras("referrers", "v1").length, 1);
    oras("copy", "v1", join(folder, "twin"));
    await using twin = await openLayout(join(folder, "twin"));
    assert.equal((await twin.referrers(entry.digest)).length, 1);
    oras("pull", "v3", join(folder, "out"));
    assert.equal(await readFile(join(folder, "out/file.txt"), "utf8"), "pushed by oras");
  },
);

needing(
  ["crane", "docker-registry"],
  "crane pushes what we wrote, and a layout it pulled into twice is one image",
  async () => {
    const folder = await scratch();
    await using store = await openLayout(join(folder, "store"), { mode: "create" });
    const entry = await artifact(store, "v1", "for crane");
    await withRegistry(folder, (registry) => {
      run("crane", ["push", "--insecure", join(folder, "store"), `${registry}/app:v1`]);
      assert.equal(run("crane", ["digest", `${registry}/app:v1`]).trim(), entry.digest);
      const pull = (...more: string[]) =>
        run("crane", [
          "pull",
          "--format=oci",
          ...more,
          `${registry}/app:v1`,
          join(folder, "pulled"),
        ]);
      pull();
      pull("--annotate-ref");
    });
    await using pulled = await openLayout(join(folder, "pulled"), { mode: "create" });
    assert.equal((await pulled.single()).digest, entry.digest);
    await pulled.tag(entry.digest, "mine");
    assert.equal((await pulled.resolve("mine")).digest, entry.digest);
  },
);
