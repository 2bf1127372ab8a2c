import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, IMAGE_NAME, type Platform, REF_NAME } from "../../core/descriptor.ts";
import { digestOf } from "../../core/digest.ts";
import { type ErrorCode, OciError } from "../../core/errors.ts";
import type { Layout } from "../../core/layout.ts";
import { openLayout } from "../../core/open_layout.ts";
import { matches, parsePlatform } from "../../core/platform.ts";
import { fails } from "../fails.ts";
import { CONFIG_TYPE, imageOf, indexOf, jsonOf, pushAll, pushImage, utf8 } from "../images.ts";
import { inMemory, type Place } from "../layouts.ts";

const DOCKER = "application/vnd.docker.distribution.manifest";
const on = (text: string): Platform => parsePlatform(text);
const child = (one: Descriptor, platform?: Platform): Descriptor =>
  platform ? { ...one, platform } : one;

/** Adds entries to the index as another tool would, in any shape. */
async function list(place: Place, ...entries: unknown[]): Promise<void> {
  const index = JSON.parse(await place.read("index.json") ?? "{}");
  await place.write(
    "index.json",
    JSON.stringify({ ...index, manifests: [...index.manifests, ...entries] }),
  );
}

const entry = (one: Descriptor, ref?: string, image?: string): Descriptor => ({
  ...one,
  annotations: { ...ref ? { [REF_NAME]: ref } : {}, ...image ? { [IMAGE_NAME]: image } : {} },
});

inMemory("resolving", (newPlace) => {
  it("a name gives the whole entry; a digest only media type, digest and size", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const image = imageOf("one");
    await pushAll(layout, image.config, image.layer, image);
    await layout.tag({ ...image.descriptor, later: { x: 1 } }, "app:v1", {
      annotations: { kind: "test" },
    });
    const found = await layout.resolve("app:v1");
    assert.deepEqual(found["later"], { x: 1 });
    assert.equal(found.annotations?.["kind"], "test");
    assert.deepEqual(await layout.resolve(image.descriptor.digest), image.descriptor);
    assert.deepEqual(await layout.resolve(image.config.descriptor.digest), {
      ...image.config.descriptor,
      mediaType: "application/octet-stream",
    });
  });

  it("what comes back is the caller's own", async () => {
    await using place = newPlace();
    const layout = await place.open();
    await layout.tag(await pushImage(layout, "one"), "v1");
    const spoil = (one: Descriptor) => Object.assign(one.annotations ?? {}, { spoilt: "yes" });
    spoil(await layout.resolve("v1"));
    spoil(await layout.single());
    for (const { descriptor } of await layout.references()) spoil(descriptor);
    for (const one of (await layout.index()).manifests) spoil(one);
    await layout.transaction(async (tx) => void spoil(await tx.resolve("v1")));
    assert.equal((await layout.resolve("v1")).annotations?.["spoilt"], undefined);
    assert.doesNotMatch(await place.read("index.json") ?? "", /spoilt/);
  });

  const unknown = digestOf("unknown");
  const REFUSED: readonly (readonly [name: string, code: ErrorCode, message: RegExp])[] = [
    ["", "invalid", /empty name$/],
    ["v2", "not_found", /^Cannot resolve "v2": no such reference$/],
    ["\u001b[2J\n\0", "not_found", /no such reference$/],
    ["__proto__", "not_found", /no such reference$/],
    ["x".repeat(500), "not_found", /no such reference$/],
    [unknown, "not_found", /neither listed nor stored$/],
    [`v1@${unknown}`, "not_found", /neither listed nor stored$/],
    ["sha256:short", "invalid_digest", /as a digest/],
    ["sha256:../../../etc/passwd", "invalid_digest", /as a digest/],
    [unknown.toUpperCase().replace("SHA", "sha"), "invalid_digest", /as a digest/],
    [`sha256:${"0".repeat(63)}\n`, "invalid_digest", /as a digest/],
    ["v1@sha256:short", "invalid_digest", /as a digest/],
    [`blake3:${"0".repeat(64)}`, "not_found", /neither listed nor stored$/],
    [`sha1:${"0".repeat(40)}`, "not_found", /no such reference$/],
  ];
  for (const [name, code, message] of REFUSED) {
    it(`${JSON.stringify(name.slice(0, 80))} gives ${code}`, async () => {
      await using place = newPlace();
      const layout = await place.open();
      await layout.tag(await pushImage(layout, "one"), "v1");
      await fails(layout.resolve(name), code, message);
    });
  }

  it("a bare name finds itself before any suffix, a full name only itself", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await layout.tag(a, "app:v1");
    assert.equal((await layout.resolve("v1")).digest, a.digest);
    await layout.tag(b, "v1");
    assert.equal((await layout.resolve("v1")).digest, b.digest);
    assert.equal((await layout.resolve("app:v1")).digest, a.digest);
    await fails(layout.resolve("other:v1"), "not_found");
  });

  it("full names resolve however another tool spells them", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b, c] = [
      await pushImage(layout, "a"),
      await pushImage(layout, "b"),
      await pushImage(layout, "c"),
    ];
    await list(place, entry(a, "docker.io/x/skopeo:v1"), entry(b, "v2", "docker.io/x/docker:v2"));
    await list(place, entry(c, undefined, "docker.io/x/ctr:v3"));
    for (
      const [name, { digest }] of [
        ["docker.io/x/skopeo:v1", a],
        ["v1", a],
        ["docker.io/x/docker:v2", b],
        ["v2", b],
        ["docker.io/x/ctr:v3", c],
        ["v3", c],
      ] as const
    ) assert.equal((await layout.resolve(name)).digest, digest, name);
  });

  it("a tag of two repositories is ambiguous, and the error lists both", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await layout.tag(a, "a/x:v1");
    await layout.tag(b, "b/x:v1");
    const { message } = await fails(layout.resolve("v1"), "ambiguous");
    for (const part of ["a/x:v1", "b/x:v1", a.digest, b.digest]) {
      assert.ok(message.includes(part), part);
    }
  });

  it("a tag of two repositories with one digest is no question", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const a = await pushImage(layout, "a");
    await layout.tag(a, ["a/x:v1", "b/x:v1"]);
    assert.equal((await layout.resolve("v1")).digest, a.digest);
  });

  it("foreign duplicates of one digest resolve to the first; of several are ambiguous", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await list(place, { ...entry(a, "v1"), first: true }, entry(a, "v1"));
    assert.equal((await layout.resolve("v1"))["first"], true);
    await list(place, child(entry(b, "v1"), on("linux/arm64")));
    const { message } = await fails(layout.resolve("v1"), "ambiguous", /linux\/arm64/);
    assert.ok(message.includes(a.digest) && message.includes(b.digest));
    assert.equal((await layout.resolve("v1", { platform: "linux/arm64" })).digest, b.digest);
  });

  it("what other tools wrote into a name or platform does not reach the terminal", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    const evil = "\u001b[2J\n";
    await list(
      place,
      child(entry(a, `${evil}a:v1`), { os: evil, architecture: evil }),
      entry(b, `${evil}b:v1`),
    );
    await fails(layout.resolve("v1"), "ambiguous");
    await fails(layout.single(), "ambiguous");
    await fails(layout.untag("v1"), "not_found");
    const index = indexOf([child(a, { os: evil, architecture: evil })]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, "multi");
    await fails(layout.resolve("multi", { platform: "linux/amd64" }), "not_found");
  });

  it("a name that is another's digest never answers with another object", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await list(place, entry(b, a.digest), entry(b, `app@${a.digest}`));
    assert.equal((await layout.resolve(a.digest)).digest, a.digest);
    assert.equal((await layout.resolve(`app@${a.digest}`)).digest, a.digest);
    await fails(layout.tag(b, a.digest), "invalid");
    await fails(layout.tag(b, `app@${a.digest}`), "invalid");
  });

  it("a pinned name gives the digest, and the entry of that name if it has it", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await layout.tag(a, ["v1", "v2"], { annotations: { kind: "old" } });
    assert.equal((await layout.resolve(`v2@${a.digest}`)).annotations?.[REF_NAME], "v2");
    await layout.tag(b, "v2");
    assert.deepEqual(await layout.resolve(`v2@${a.digest}`), a);
    assert.deepEqual(await layout.resolve(`gone@${a.digest}`), a);
    await list(place, entry(a, undefined, `docker.io/x/y@${a.digest}`));
    assert.equal(
      (await layout.resolve(`docker.io/x/y@${a.digest}`)).annotations?.[IMAGE_NAME],
      `docker.io/x/y@${a.digest}`,
    );
  });

  it("a broken entry is never resolved, and hides no good one", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const a = await pushImage(layout, "a");
    await list(place, { ...entry(a, "v1"), size: 2 ** 62 }, {
      ...entry(a, "v2"),
      digest: "sha256:../x",
    }, entry(a, undefined, "app:v1"));
    assert.equal((await layout.resolve("v1")).annotations?.[IMAGE_NAME], "app:v1");
    await fails(layout.resolve("v2"), "not_found");
    assert.deepEqual(await layout.resolve(a.digest), a);
  });

  it("a digest that no entry lists has the type its nested index gives it, else what it says, else its shape", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const type = async (one: Descriptor) => (await layout.resolve(one.digest)).mediaType;
    const [a, b] = [imageOf("a"), imageOf("b", { mediaType: `${DOCKER}.v2+json` })];
    const plain = jsonOf({ schemaVersion: 2, config: b.config.descriptor, layers: [] }, "x");
    const plainIndex = jsonOf({ schemaVersion: 2, manifests: [] }, "x");
    const odd = jsonOf({ mediaType: a.descriptor.mediaType, later: true }, "x");
    const config = jsonOf({ os: "linux", architecture: "amd64", config: {} }, CONFIG_TYPE);
    for (const one of [plain, plainIndex, odd, config]) {
      await layout.push({ digest: one.descriptor.digest }, one.bytes);
    }
    await pushAll(layout, a.config, a.layer, a, b.config, b.layer, b);
    const listed = { ...a.descriptor, mediaType: "application/vnd.example.listed+json" };
    const inner = indexOf([listed]);
    const outer = indexOf([inner.descriptor], `${DOCKER}.list.v2+json`);
    await pushAll(layout, inner, outer);
    assert.equal(await type(a.descriptor), a.descriptor.mediaType);
    await layout.tag(outer.descriptor, "outer");
    assert.equal(await type(a.descriptor), listed.mediaType);
    assert.equal(await type(inner.descriptor), inner.descriptor.mediaType);
    assert.equal(await type(b.descriptor), `${DOCKER}.v2+json`);
    assert.equal(await type(plain.descriptor), "application/vnd.oci.image.manifest.v1+json");
    assert.equal(await type(plainIndex.descriptor), "application/vnd.oci.image.index.v1+json");
    assert.equal(await type(odd.descriptor), a.descriptor.mediaType);
    assert.equal(await type(config.descriptor), "application/octet-stream");
  });

  for (
    const [what, bytes] of Object.entries({
      "an array": utf8("[]"),
      "half an object": utf8('{"manifests":['),
      "10,000 levels": utf8(`{"config":${"[".repeat(10_000)}`),
      "no UTF-8": Uint8Array.of(0x7b, 0xff, 0x7d),
      "nothing": utf8(""),
      "a mediaType that is an object": utf8('{"mediaType":{},"x":1}'),
      "a mediaType out of Object.prototype": utf8('{"mediaType":"constructor"}'),
    })
  ) {
    it(`a stored blob of ${what} is an octet stream`, async () => {
      await using place = newPlace();
      const layout = await place.open();
      const { descriptor } = await layout.push({}, bytes);
      assert.equal((await layout.resolve(descriptor.digest)).mediaType, "application/octet-stream");
    });
  }

  it("a name that a retag dropped is still found by digest, unlisted", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await layout.tag(a, "v1");
    await layout.tag(b, "v1");
    assert.deepEqual(await layout.resolve(a.digest), a);
    assert.equal((await layout.index()).manifests.length, 1);
  });

  it("a store that does not answer is an error, not another media type", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const index = indexOf([await pushImage(layout, "a")]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, "v1");
    const backend = await place.backend();
    const down = () => Promise.reject(new OciError("unavailable", "Cannot read: timed out"));
    const shaky = await openLayout({ ...backend, blobs: { ...backend.blobs, read: down } });
    const [first] = await layout.children("v1");
    await fails(shaky.resolve(first?.digest ?? ""), "unavailable");
    await fails(shaky.resolve("v1", { platform: "linux/amd64" }), "unavailable");
  });
});

inMemory("platforms", (newPlace) => {
  /** An index of images, each of a platform; its digest to children in order. */
  async function multi(
    layout: Layout,
    ...platforms: (string | Platform | undefined)[]
  ): Promise<Descriptor[]> {
    const children: Descriptor[] = [];
    for (const [n, text] of platforms.entries()) {
      const platform = typeof text === "string" ? on(text) : text;
      children.push(child(await pushImage(layout, `${n}`, platform ? { platform } : {}), platform));
    }
    const index = indexOf(children);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, "v1");
    return children;
  }

  it("an index gives its first child that matches, an attestation never", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const children = await multi(
      layout,
      "unknown/unknown",
      undefined,
      "linux/amd64",
      "linux/amd64",
      "linux/arm64",
    );
    const find = async (platform: string | Platform) => {
      const found = await layout.resolve("v1", { platform });
      return children.findIndex(({ digest }) => digest === found.digest);
    };
    assert.equal(await find("linux/amd64"), 2);
    assert.equal(await find({ os: "linux", architecture: "x86_64" }), 2);
    assert.equal(await find("linux/arm64"), 4);
    assert.equal(await find("linux/aarch64/v8"), 4);
    await fails(layout.resolve("v1", { platform: "unknown/unknown" }), "not_found");
    await fails(
      layout.resolve("v1", { platform: "linux/s390x" }),
      "not_found",
      /linux\/s390x in "v1": there is .*linux\/amd64/,
    );
    await fails(layout.resolve("v1", { platform: "linux/arm64/v9" }), "not_found");
  });

  it("nested indexes are searched depth first, in order", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const image = async (text: string) => child(await pushImage(layout, text), on("linux/amd64"));
    const [first, second, third] = [await image("1"), await image("2"), await image("3")];
    const empty = indexOf([]);
    const inner = indexOf([empty.descriptor, first]);
    const outer = indexOf([inner.descriptor, second, third]);
    await pushAll(layout, empty, inner, outer);
    await layout.tag(outer.descriptor, "v1");
    assert.equal((await layout.resolve("v1", { platform: "linux/amd64" })).digest, first.digest);
  });

  it("the match need not be stored", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const { descriptor } = imageOf("elsewhere");
    const index = indexOf([child(descriptor, on("linux/amd64"))]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, "v1", { sparse: true });
    assert.equal(
      (await layout.resolve("v1", { platform: "linux/amd64" })).digest,
      descriptor.digest,
    );
  });

  it("a manifest is matched by its config", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const image = await pushImage(layout, "one", { platform: on("linux/arm/v7") });
    await layout.tag(image, "v1");
    assert.equal((await layout.resolve("v1", { platform: "linux/arm" })).digest, image.digest);
    assert.equal(
      (await layout.resolve(image.digest, { platform: "linux/armhf" })).digest,
      image.digest,
    );
    await fails(
      layout.resolve("v1", { platform: "linux/arm/v6" }),
      "not_found",
      /there is linux\/arm\/v7$/,
    );
  });

  it("docker types are searched as those of the OCI", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const image = imageOf("one", { mediaType: `${DOCKER}.v2+json`, platform: on("linux/amd64") });
    const list = indexOf([child(image.descriptor, on("linux/amd64"))], `${DOCKER}.list.v2+json`);
    await pushAll(layout, image.config, image.layer, image, list);
    await layout.tag(list.descriptor, "v1");
    assert.equal(
      (await layout.resolve("v1", { platform: "linux/amd64" })).digest,
      image.descriptor.digest,
    );
  });

  for (
    const [what, config] of Object.entries({
      "no platform": {},
      "an os that is a number": { os: 5, architecture: "amd64" },
      "an os.version that is a number": { os: "linux", architecture: "amd64", "os.version": 5 },
    })
  ) {
    it(`a config with ${what} matches nothing: unsupported`, async () => {
      await using place = newPlace();
      const layout = await place.open();
      await layout.tag(
        await pushImage(layout, "one", { platform: config as unknown as Platform }),
        "v1",
      );
      await fails(
        layout.resolve("v1", {
          platform: { os: "linux", architecture: "amd64", "os.version": "5" },
        }),
        "unsupported",
      );
    });
  }

  it("a plain blob has no platform: unsupported", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const { descriptor } = await layout.push({}, utf8("{}"));
    await layout.tag(descriptor, "v1");
    await fails(layout.resolve("v1", { platform: "linux/amd64" }), "unsupported");
  });

  it("a broken manifest is corrupt, one that is missing not found", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const { descriptor } = imageOf("elsewhere");
    await layout.tag(descriptor, "v1", { sparse: true });
    await fails(layout.resolve("v1", { platform: "linux/amd64" }), "not_found");
    const { descriptor: garbage } = await layout.push({}, utf8("garbage"));
    await list(place, entry({ ...garbage, mediaType: descriptor.mediaType }, "v2"));
    await fails(layout.resolve("v2", { platform: "linux/amd64" }), "corrupt");
  });

  for (
    const platform of [
      "",
      "linux",
      "linux/",
      "/amd64",
      "linux/amd64/v8/x",
      "linux amd64",
      "linux/am d",
      "a/b\n",
    ]
  ) {
    it(`${JSON.stringify(platform)} is no platform: invalid`, async () => {
      await using place = newPlace();
      const layout = await place.open();
      await multi(layout, "linux/amd64");
      await fails(layout.resolve("v1", { platform }), "invalid");
    });
  }

  it("what is no platform at all is invalid too", async () => {
    await using place = newPlace();
    const layout = await place.open();
    await multi(layout, "linux/amd64");
    for (const odd of [{}, { os: "linux" }, { os: 1, architecture: 2 }, null, 5]) {
      await fails(layout.resolve("v1", { platform: odd as unknown as Platform }), "invalid");
    }
  });
});

it("an architecture out of Object.prototype is one like any other", () => {
  assert.ok(matches(on("linux/constructor"), on("linux/constructor")));
  assert.ok(!matches(on("linux/toString"), on("linux/__proto__")));
});
