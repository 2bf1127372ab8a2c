// Archives of other tools, made by them from one image: listed, checked and copied by us; and ours, loaded by them.
import assert from "node:assert/strict";
import { join } from "node:path";
import { copy, digestOf, type Layout, openLayout } from "../../mod.ts";
import { withRegistry } from "./registry.ts";
import { buildahIn, needing, run, scratch, umociLayout } from "./tools.ts";

/** The digest of the config of the one image of a layout: it stays the same however layers are packed. */
async function configOf(layout: Layout): Promise<string> {
  const [config] = await layout.children(await layout.single());
  return config?.digest ?? "none";
}

/** Copies the one image of an archive into a directory, and unpacks it by umoci: its files are those it was made of. */
async function isWhole(path: string, root: string, wanted: string): Promise<void> {
  await using archive = await openLayout(path);
  assert.equal(await configOf(archive), wanted, path);
  await using store = await openLayout(`${path}.store`, { mode: "create" });
  const image = await archive.single();
  await copy(archive, image.digest, store, { as: ["v1"] });
  run("umoci", ["unpack", "--image", `${path}.store:v1`, `${path}.out`]);
  run("diff", ["-r", "--no-dereference", root, `${path}.out/rootfs`]);
}

needing(
  ["skopeo", "umoci", "buildah"],
  "an oci-archive and a docker-archive of skopeo and of buildah are read whole",
  async () => {
    const folder = await scratch();
    const image = `oci:${await umociLayout(folder)}:v1`;
    await using source = await openLayout(join(folder, "umoci"));
    const [config] = await source.children(await source.resolve("v1"));
    const buildah = await buildahIn(folder);
    const id = buildah("pull", "-q", image);
    for (const kind of ["oci-archive", "docker-archive"]) {
      const [one, two] = [join(folder, `skopeo-${kind}.tar`), join(folder, `buildah-${kind}.tar`)];
      run("skopeo", ["copy", image, `${kind}:${one}:team/app:v1`]);
      buildah("push", id, `${kind}:${two}:team/app:v1`);
      for (const path of [one, two]) {
        await isWhole(path, join(folder, "rootfs"), config?.digest ?? "");
        await using archive = await openLayout(path);
        assert.equal((await archive.references()).length, 1);
        assert.match((await archive.references())[0]?.name ?? "", /team\/app:v1$/);
      }
    }
  },
);

needing(
  ["regctl", "crane", "oras-go", "umoci", "skopeo", "docker-registry"],
  "an export of regctl, pulls of crane and a backup of oras-go are read whole",
  async () => {
    const folder = await scratch();
    const layout = await umociLayout(folder);
    await using source = await openLayout(layout);
    const wanted = await source.resolve("v1");
    const [config] = await source.children(wanted);
    const at = (name: string) => join(folder, name);
    run("oras-go", ["backup", layout, "v1", at("oras.tar")]);
    await withRegistry(folder, (registry) => {
      const name = `${registry}/team/app:v1`;
      const insecure = "--dest-tls-verify=false";
      run("skopeo", ["copy", insecure, `oci:${layout}:v1`, `docker://${name}`]);
      run("regctl", [
        "--host",
        `reg=${registry},tls=disabled`,
        "image",
        "export",
        name,
        at("regctl.tar"),
      ]);
      for (const format of ["tarball", "legacy"]) {
        run("crane", ["pull", "--insecure", "--format", format, name, at(`${format}.tar`)]);
      }
    });
    for (const file of ["regctl.tar", "tarball.tar", "legacy.tar", "oras.tar"]) {
      await isWhole(at(file), at("rootfs"), config?.digest ?? "");
    }
    for (const file of ["regctl.tar", "oras.tar"]) {
      await using archive = await openLayout(at(file));
      assert.equal((await archive.resolve("v1")).digest, wanted.digest);
    }
  },
);

needing(
  ["skopeo", "regctl", "crane", "umoci"],
  "an archive with --docker-compat is what skopeo takes for a docker-archive, and regctl and crane read it",
  async () => {
    const folder = await scratch();
    const layout = await umociLayout(folder);
    const path = join(folder, "compat.tar");
    await using source = await openLayout(layout);
    {
      await using archive = await openLayout(path, { mode: "create" });
      await archive.store.backend.docs.swap("manifest.json", "[]", undefined);
      await copy(source, "v1", archive, { as: ["team/app:v1"] });
    }
    run("crane", ["validate", "--tarball", path]);
    run("regctl", ["image", "import", `ocidir://${join(folder, "regctl")}:v1`, path]);
    await using imported = await openLayout(join(folder, "regctl"));
    assert.equal((await imported.resolve("v1")).digest, (await source.resolve("v1")).digest);
    {
      await using archive = await openLayout(path, { mode: "write" });
      await copy(source, "v2", archive, { as: ["team/app:v2"] });
    }
    for (const name of ["v1", "v2"]) {
      const said = run("skopeo", [
        "inspect",
        "--config",
        "--raw",
        `docker-archive:${path}:team/app:${name}`,
      ]);
      const [config] = await source.children(await source.resolve(name));
      assert.equal(digestOf(said), config?.digest);
    }
  },
);
