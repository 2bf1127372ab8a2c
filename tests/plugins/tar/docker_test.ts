// Docker archives without an index, as `docker save` of old, skopeo, podman and crane write them, read as layouts.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { copy, createRegistry, digestOf, type ErrorCode, openLayout } from "../../../core/mod.ts";
import { memory } from "../../../plugins/memory/mod.ts";
import { bytesOf, noise, utf8 } from "../../contract/suite.ts";
import { fails } from "../../fails.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { archive, member, openAt } from "./archives.ts";

const layers = [noise(3000, 1), noise(70_000, 2)] as const;
const [first, second] = [digestOf(layers[0]), digestOf(layers[1])];
const configOf = (...diffIds: readonly string[]) =>
  JSON.stringify({
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: diffIds },
  });
const config = configOf(first, second);
const list = (...images: readonly unknown[]) =>
  member({ name: "manifest.json", body: JSON.stringify(images) });
const hexOf = (digest: string) => digest.slice("sha256:".length);

/** Writes an archive and opens it as a layout. */
async function opened(made: Uint8Array) {
  const folder = temporaryFolder();
  const path = join(folder.path, "docker.tar");
  writeFileSync(path, made);
  const backend = await openAt(path, { mode: "read" }).catch((error) => {
    folder[Symbol.dispose]();
    throw error;
  });
  const layout = await openLayout(backend);
  return { path, backend, layout, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

const twoImages = archive(
  member({ name: "aa/", type: "5" }),
  member({ name: "aa/layer.tar", body: layers[0] }),
  member({ name: "bb/layer.tar", type: "2", link: "../aa/layer.tar" }),
  member({ name: "cc/layer.tar", body: layers[1] }),
  member({ name: "one.json", body: config }),
  member({ name: "two.json", body: configOf(first) }),
  list(
    {
      Config: "one.json",
      RepoTags: ["app/x:v1", "app/x:latest"],
      Layers: ["aa/layer.tar", "cc/layer.tar"],
    },
    { Config: "two.json", RepoTags: null, Layers: ["bb/layer.tar"] },
  ),
  member({ name: "repositories", body: "{}" }),
);

describe("a docker archive without an index", () => {
  it("is listed, resolved and copied as a layout, links within it followed", async () => {
    using found = await opened(twoImages);
    const { layout } = found;
    const rows = await layout.references({ untagged: true });
    assert.deepEqual(rows.map(({ name }) => name), ["app/x:latest", "app/x:v1", ""]);
    const image = await layout.resolve("v1");
    assert.deepEqual((await layout.children(image)).map(({ digest }) => digest), [
      digestOf(utf8(config)),
      first,
      second,
    ]);
    assert.deepEqual(await layout.fetchAll(second), new Uint8Array(layers[1]));
    await using twin = await openLayout("mem:", {
      mode: "create",
      registry: createRegistry([memory()]),
    });
    const { copied } = await copy(layout, undefined, twin);
    assert.equal(copied.length, 3);
    assert.equal((await Array.fromAsync(twin.walk())).length, 6);
    assert.equal((await twin.resolve("app/x:latest")).digest, image.digest);
    await found.backend[Symbol.asyncDispose]();
  });

  it("follows hard links from the root, and symbolic ones at the root", async () => {
    using found = await opened(archive(
      member({ name: "aa/layer.tar", body: layers[0] }),
      member({ name: "bb/layer.tar", type: "1", link: "aa/layer.tar" }),
      member({ name: "layer.tar", type: "2", link: "bb/layer.tar" }),
      member({ name: "c.json", body: configOf(first, first) }),
      list({ Config: "c.json", RepoTags: ["x:v1"], Layers: ["bb/layer.tar", "layer.tar"] }),
    ));
    assert.deepEqual(await found.layout.fetchAll(first), new Uint8Array(layers[0]));
    await found.backend[Symbol.asyncDispose]();
  });

  it("gives the same digests each time it is opened", async () => {
    using one = await opened(twoImages);
    using two = await opened(twoImages);
    assert.deepEqual(await one.layout.index(), await two.layout.index());
  });

  it("whose layers are compressed is read as it is, by names or by bytes", async () => {
    const packed = layers.map((layer) => new Uint8Array(gzipSync(layer)));
    const [a, b] = packed;
    assert.ok(a && b);
    const name = `${hexOf(digestOf(a))}.tar.gz`;
    using found = await opened(archive(
      member({ name: digestOf(utf8(config)), body: config }),
      member({ name, body: a }),
      // Named after what it holds, not after what it is.
      member({ name: `${hexOf(second)}.tar.gz`, body: b }),
      list({
        Config: digestOf(utf8(config)),
        RepoTags: ["x:v1"],
        Layers: [name, `${hexOf(second)}.tar.gz`],
      }),
    ));
    const [, ...children] = await found.layout.children(await found.layout.single());
    assert.deepEqual(children.map(({ digest }) => digest), packed.map((one) => digestOf(one)));
    for (const [at, child] of children.entries()) {
      assert.ok(child.mediaType.endsWith("tar+gzip"));
      assert.deepEqual(await found.layout.fetchAll(child), packed[at]);
    }
  });

  it("whose layer is not what its config says is corrupt once that is read", async () => {
    using found = await opened(archive(
      member({ name: "l.tar", body: layers[1] }),
      member({ name: "c.json", body: configOf(first) }),
      list({ Config: "c.json", RepoTags: ["x:v1"], Layers: ["l.tar"] }),
    ));
    await fails(found.layout.fetchAll(first), "corrupt");
  });

  it("whose packed layer does not hold what its config says is corrupt once that is read", async () => {
    const wrong: readonly (readonly [Uint8Array, RegExp])[] = [
      [gzipSync(layers[1]), /holds sha256:.*, not sha256:.* as its config says$/],
      [zstdCompressSync(layers[1]), /holds sha256:/],
      [gzipSync(layers[0]).subarray(0, 1000), /cannot be inflated by gzip/],
      [Buffer.concat([gzipSync(layers[0]).subarray(0, 100), noise(5000)]), /cannot be inflated/],
    ];
    for (const [packed, message] of wrong) {
      const name = `${hexOf(digestOf(new Uint8Array(packed)))}.tar.gz`;
      using found = await opened(archive(
        member({ name, body: packed }),
        member({ name: "c.json", body: configOf(first) }),
        list({ Config: "c.json", RepoTags: ["x:v1"], Layers: [name] }),
      ));
      const { layout } = found;
      const [, layer] = await layout.children(await layout.single());
      assert.ok(layer);
      await fails(layout.fetchAll(layer), "corrupt", message);
      await using twin = await openLayout("mem:", {
        mode: "create",
        registry: createRegistry([memory()]),
      });
      await fails(copy(layout, undefined, twin), "corrupt", message);
      assert.deepEqual(await twin.references(), []);
      // A part of it is what it is.
      const part = await bytesOf(await found.backend.blobs.read(layer.digest, { end: 10 }));
      assert.deepEqual(part, new Uint8Array(packed.subarray(0, 10)));
    }
  });

  it("is not written to; that says what to do", async () => {
    using found = await opened(twoImages);
    for (const mode of ["write", "create"] as const) {
      await assert.rejects(openAt(found.path, { mode }), {
        code: "read_only",
        message: /copy it --all to a new archive$/,
      });
    }
    await fails(found.layout.push({}, utf8("x")), "read_only");
  });

  const image = { Config: "c.json", RepoTags: ["x:v1"], Layers: ["l.tar"] };
  const c = member({ name: "c.json", body: configOf(first) });
  const link = (name: string, to: string) => member({ name, type: "2", link: to });
  const rows: readonly (readonly [string, Uint8Array, ErrorCode])[] = [
    ["names what is not there", archive(c, list(image)), "corrupt"],
    ["has a link that leads out", archive(c, link("l.tar", "../../l"), list(image)), "corrupt"],
    ["has an absolute link", archive(c, link("l.tar", "/etc/passwd"), list(image)), "corrupt"],
    [
      "has links in a ring",
      archive(c, link("a/l", "../b/l"), link("b/l", "../a/l"), list({ ...image, Layers: ["a/l"] })),
      "corrupt",
    ],
    [
      "has no list in its list",
      archive(c, member({ name: "manifest.json", body: "{}" })),
      "corrupt",
    ],
    [
      "has more layers than its config",
      archive(
        c,
        member({ name: "l.tar", body: layers[0] }),
        list({ ...image, Layers: ["l.tar", "l.tar"] }),
      ),
      "corrupt",
    ],
    ["is no JSON", archive(c, member({ name: "manifest.json", body: "[" })), "corrupt"],
    [
      "has a config that is none",
      archive(member({ name: "c.json", body: "[]" }), list(image)),
      "corrupt",
    ],
    [
      "has a config of 5 MiB",
      archive(member({ name: "c.json", body: " ".repeat(5 << 20) }), list(image)),
      "size_exceeded",
    ],
  ];
  for (const [what, made, code] of rows) {
    it(`that ${what} is ${code}`, async () => {
      await fails(opened(made).then((found) => found[Symbol.dispose]()), code);
    });
  }
});
