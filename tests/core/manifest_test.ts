import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError } from "../../core/errors.ts";
import { INDEX_TYPE } from "../../core/image_index.ts";
import { isExternal, kindOf, leadsToNode, MANIFEST_TYPE, parseNode } from "../../core/manifest.ts";
import { fails } from "../fails.ts";
import { blobOf, CONFIG_TYPE, LAYER_TYPE, utf8 } from "../images.ts";
import { inMemory } from "../layouts.ts";

const DOCKER = "application/vnd.docker.distribution.manifest";
const ARTIFACT_TYPE = "application/vnd.oci.artifact.manifest.v1+json";
const config = blobOf("config", CONFIG_TYPE).descriptor;
const layer = blobOf("layer", LAYER_TYPE).descriptor;
const child = { ...blobOf("child").descriptor, mediaType: MANIFEST_TYPE };
const image = { schemaVersion: 2, config, layers: [layer] };

type Row = readonly [
  what: string,
  json: unknown,
  said: string | undefined,
  kind: string,
  type: string,
  edges: readonly string[],
];

const READ: readonly Row[] = [
  ["an image by its shape", image, undefined, "manifest", MANIFEST_TYPE, ["config", "layer"]],
  [
    "an image by its member",
    { ...image, mediaType: `${DOCKER}.v2+json` },
    undefined,
    "manifest",
    `${DOCKER}.v2+json`,
    ["config", "layer"],
  ],
  ["an image by its parent", image, MANIFEST_TYPE, "manifest", MANIFEST_TYPE, ["config", "layer"]],
  ["an image of no layers", { config, layers: null }, undefined, "manifest", MANIFEST_TYPE, [
    "config",
  ]],
  ["an image that does not say layers", { config }, MANIFEST_TYPE, "manifest", MANIFEST_TYPE, [
    "config",
  ]],
  ["an empty media type", { ...image, mediaType: "" }, undefined, "manifest", MANIFEST_TYPE, [
    "config",
    "layer",
  ]],
  ["an index by its shape", { manifests: [child] }, undefined, "index", INDEX_TYPE, ["manifest"]],
  ["an index of null", { manifests: null }, undefined, "index", INDEX_TYPE, []],
  [
    "a Docker list",
    { manifests: [child, child] },
    `${DOCKER}.list.v2+json`,
    "index",
    `${DOCKER}.list.v2+json`,
    ["manifest", "manifest"],
  ],
  [
    "the retired artifact manifest",
    { mediaType: ARTIFACT_TYPE, blobs: [layer] },
    undefined,
    "artifact",
    ARTIFACT_TYPE,
    ["layer"],
  ],
  ["an artifact of nothing", {}, ARTIFACT_TYPE, "artifact", ARTIFACT_TYPE, []],
  [
    "Docker schema 1",
    { fsLayers: [{ blobSum: layer.digest }] },
    `${DOCKER}.v1+prettyjws`,
    "schema1",
    `${DOCKER}.v1+prettyjws`,
    ["layer"],
  ],
  [
    "members of later times",
    { ...image, later: { n: 1.5 } },
    undefined,
    "manifest",
    MANIFEST_TYPE,
    ["config", "layer"],
  ],
];

const text = (json: unknown) => utf8(JSON.stringify(json));

/** What is no manifest of the type it is pushed as. */
const REFUSED: Readonly<Record<string, readonly [bytes: Uint8Array<ArrayBuffer>, said?: string]>> =
  {
    "nothing": [utf8("")],
    "white space": [utf8(" \n")],
    "garbage": [utf8("garbage"), MANIFEST_TYPE],
    "half a manifest": [text(image).slice(0, 60), MANIFEST_TYPE],
    "bytes that are not UTF-8": [Uint8Array.of(0x7b, 0xff, 0x7d), MANIFEST_TYPE],
    "a byte order mark": [utf8(`\uFEFF${JSON.stringify(image)}`)],
    "two configs": [
      utf8(`{"config":${JSON.stringify(config)},"config":${JSON.stringify(config)},"layers":[]}`),
    ],
    "100,000 levels": [utf8(`{"config":${"[".repeat(100_000)}`), MANIFEST_TYPE],
    "null": [utf8("null"), MANIFEST_TYPE],
    "a number": [utf8("5"), MANIFEST_TYPE],
    "text": [utf8('"x"'), MANIFEST_TYPE],
    "an array": [utf8("[]"), MANIFEST_TYPE],
    "an object of no shape": [utf8("{}")],
    "an image without a config": [text({ layers: [] }), MANIFEST_TYPE],
    "an index without manifests": [text({}), INDEX_TYPE],
    "an index and an image at once": [text({ ...image, manifests: [] })],
    "an image with manifests of null": [text({ ...image, manifests: null })],
    "an index with layers": [text({ manifests: [], layers: [] }), INDEX_TYPE],
    "an index called an image": [text({ manifests: [] }), MANIFEST_TYPE],
    "layers that are an object": [text({ config, layers: {} })],
    "layers of null": [text({ config, layers: [null] })],
    "a layer without a digest": [text({ config, layers: [{ mediaType: LAYER_TYPE, size: 1 }] })],
    "a digest that is a path": [
      text({ config, layers: [{ ...layer, digest: "sha256:../../../etc/passwd" }] }),
    ],
    "a digest of sha1": [
      text({ config: { ...config, digest: `sha1:${"0".repeat(40)}` }, layers: [] }),
    ],
    "a size below zero": [text({ config, layers: [{ ...layer, size: -1 }] })],
    "a size of 2^62": [text({ config, layers: [{ ...layer, size: 2 ** 62 }] })],
    "a size of text": [text({ config, layers: [{ ...layer, size: "1" }] })],
    "a media type that is a number": [text({ ...image, mediaType: 5 })],
    "annotations of numbers": [text({ ...image, annotations: { x: 1 } })],
    "a subject that is text": [text({ ...image, subject: child.digest })],
    "schema 1 without layers": [text({}), `${DOCKER}.v1+json`],
    "schema 1 with a path for a digest": [
      text({ fsLayers: [{ blobSum: "../x" }] }),
      `${DOCKER}.v1+json`,
    ],
  };

describe("manifests", () => {
  for (const [what, json, said, kind, type, edges] of READ) {
    it(`${what} is read`, () => {
      const node = parseNode(text(json), said);
      assert.deepEqual([node.kind, node.mediaType, node.edges.map(({ role }) => role)], [
        kind,
        type,
        edges,
      ]);
    });
  }

  for (const [what, [bytes, said]] of Object.entries(REFUSED)) {
    it(`${what} is refused in a sentence`, () =>
      assert.throws(
        () => parseNode(bytes, said),
        (error) =>
          isOciError(error, "invalid") &&
          /^Cannot read the manifest: [^\n]+[^.]$/.test(error.message) &&
          error.message.length < 300,
      ));
  }

  it("subject, annotations and artifact type come along; a config stands in for the type", () => {
    const annotations = { kind: "x" };
    const node = parseNode(text({ ...image, subject: child, annotations, artifactType: "test/x" }));
    assert.deepEqual([node.subject, node.annotations, node.artifactType], [
      child,
      annotations,
      "test/x",
    ]);
    assert.equal(parseNode(text(image)).artifactType, CONFIG_TYPE);
    const none = parseNode(text({ ...image, subject: null, annotations: null, artifactType: "" }));
    assert.deepEqual([none.subject, none.annotations, none.artifactType], [
      undefined,
      undefined,
      CONFIG_TYPE,
    ]);
  });

  it("only a child in `manifests` leads on, and only as a manifest", () => {
    const odd = { ...layer, mediaType: MANIFEST_TYPE };
    const leads = (json: unknown) => parseNode(text(json)).edges.map(leadsToNode);
    assert.deepEqual(leads({ config: { ...config, mediaType: INDEX_TYPE }, layers: [odd] }), [
      false,
      false,
    ]);
    assert.deepEqual(leads({ manifests: [layer, child] }), [false, true]);
  });

  it("a media type out of Object.prototype stands for no node", () => {
    for (const type of ["constructor", "toString", "__proto__", "", "hasOwnProperty"]) {
      assert.equal(kindOf(type), undefined);
    }
  });

  it("what is had elsewhere is told by its type or its addresses", () => {
    assert.ok(
      isExternal({
        ...layer,
        mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      }),
    );
    assert.ok(
      isExternal({
        ...layer,
        mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      }),
    );
    assert.ok(isExternal({ ...layer, urls: ["https://example.com/layer"] }));
    assert.ok(!isExternal({ ...layer, urls: [] }));
  });
});

inMemory("manifests from outside", (newPlace) => {
  it("what is refused is not stored, and the index stays as it is", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const before = await place.snapshot();
    for (const [bytes, mediaType] of Object.values(REFUSED)) {
      await fails(
        layout.pushManifest(bytes, { ...mediaType ? { mediaType } : {}, ref: "v1" }),
        "invalid",
      );
    }
    assert.deepEqual(await Array.fromAsync(layout.walk()), []);
    assert.deepEqual(await place.snapshot(), before);
  });

  it("one that is too large is refused before it is parsed", async () => {
    await using place = newPlace();
    const layout = await place.open({ limits: { manifest: 200 } });
    await fails(layout.pushManifest(utf8("[".repeat(201))), "size_exceeded");
    assert.deepEqual(await Array.fromAsync(layout.walk()), []);
  });

  it("one that is stored all the same is corrupt when it is opened, and no name is set to it", async () => {
    await using place = newPlace();
    const layout = await place.open();
    for (const [bytes, mediaType = MANIFEST_TYPE] of Object.values(REFUSED)) {
      const { descriptor } = await layout.push({}, bytes);
      const node = { ...descriptor, mediaType };
      await fails(layout.children(node), "corrupt");
      await fails(layout.tag(node, "v1"), "corrupt");
    }
    assert.deepEqual(await layout.references(), []);
  });
});
