import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError } from "../../core/errors.ts";
import type { Descriptor, Platform } from "../../core/descriptor.ts";
import { parseNode } from "../../core/manifest.ts";
import { matches, parsePlatform, printPlatform } from "../../core/platform.ts";
import { selectChildren } from "../../core/platform_index.ts";
import { blobOf, imageOf, indexOf, jsonOf } from "../images.ts";

const READ: readonly (readonly [string, Platform])[] = [
  ["linux/amd64", { os: "linux", architecture: "amd64" }],
  ["linux/arm/v7", { os: "linux", architecture: "arm", variant: "v7" }],
  ["windows/x86_64", { os: "windows", architecture: "x86_64" }],
];
const NONE = [
  "",
  "linux",
  "linux/",
  "/amd64",
  "linux/arm/",
  "linux/arm/v7/x",
  "linux /amd64",
  "a/b\n",
];

/** What stands there, what is wanted, whether it runs. */
const MATCHES: readonly (readonly [string | Platform, string | Platform, boolean])[] = [
  ["linux/amd64", "linux/amd64", true],
  ["linux/amd64", "linux/arm64", false],
  ["linux/amd64", "windows/amd64", false],
  ["linux/amd64", "linux/x86_64", true],
  ["linux/x86-64", "linux/amd64", true],
  ["linux/arm64", "linux/aarch64", true],
  ["linux/arm64/v8", "linux/arm64", true],
  ["linux/arm64", "linux/arm64/v8", true],
  ["linux/arm64/v9", "linux/arm64", false],
  ["linux/arm", "linux/arm/v7", true],
  ["linux/arm/v7", "linux/armhf", true],
  ["linux/arm/v6", "linux/arm", false],
  ["linux/arm/v6", "linux/armel", true],
  ["linux/amd64/v2", "linux/amd64", false],
  ["linux/amd64/v2", "linux/amd64/v2", true],
  [{ os: "linux", architecture: "amd64", variant: "" }, "linux/amd64", true],
  ["unknown/unknown", "unknown/unknown", false],
  ["linux/constructor", "linux/toString", false],
  ["linux/constructor", "linux/constructor", true],
];
const windows = (version: string, features: readonly string[] = []): Platform => ({
  os: "windows",
  architecture: "amd64",
  "os.version": version,
  "os.features": features,
});
const FINE: readonly (readonly [Platform, Platform, boolean])[] = [
  [windows("10.0.14393.1066"), windows("10.0.14393"), true],
  [windows("10.0.14393"), windows("10.0.14393.1066"), false],
  [parsePlatform("windows/amd64"), windows("10"), false],
  [windows("10.0"), parsePlatform("windows/amd64"), true],
  [windows("10", ["win32k", "x"]), windows("10", ["win32k"]), true],
  [windows("10", ["x"]), windows("10", ["win32k"]), false],
];

describe("platforms", () => {
  for (const [text, platform] of READ) {
    it(`${text} is read, and printed as it was typed`, () => {
      assert.deepEqual(parsePlatform(text), platform);
      assert.equal(printPlatform(platform), text);
      assert.equal(parsePlatform(platform), platform);
    });
  }
  for (const text of [...NONE, { os: "linux" } as Platform]) {
    it(`${JSON.stringify(text)} is invalid`, () => {
      assert.throws(() => parsePlatform(text), (error) => isOciError(error, "invalid"));
    });
  }
  for (const [there, wanted, runs] of [...MATCHES, ...FINE]) {
    it(`${JSON.stringify(there)} is ${runs ? "" : "not "}what ${JSON.stringify(wanted)} asks for`, () => {
      assert.equal(matches(parsePlatform(there), parsePlatform(wanted)), runs);
    });
  }
});

const on = (text: string, platform: string): Descriptor => ({
  ...imageOf(text).descriptor,
  platform: parsePlatform(platform),
});
const [amd, arm, old] = [on("1", "linux/amd64"), on("2", "linux/arm64"), on("3", "linux/arm/v6")];
const attest = (subject: Descriptor, text: string): Descriptor => ({
  ...on(text, "unknown/unknown"),
  annotations: {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": subject.digest,
  },
});
const [ofAmd, ofArm] = [attest(amd, "4"), attest(arm, "5")];
const text = blobOf("no manifest").descriptor;
const twice = on("6", "linux/amd64");
const nested = indexOf([old]).descriptor;

/** The children of an index, the platforms, those that stay. */
const SELECTED:
  readonly (readonly [string, readonly Descriptor[], readonly string[], readonly Descriptor[]])[] =
    [
      ["one of two, in order", [amd, arm], ["linux/arm64"], [arm]],
      [
        "two of three, in the order of the index",
        [amd, arm, old],
        ["linux/arm/v6", "linux/x86_64"],
        [amd, old],
      ],
      ["attestations follow their image", [amd, arm, ofAmd, ofArm], ["linux/arm64"], [arm, ofArm]],
      ["what is no manifest stays", [text, amd, arm], ["linux/amd64"], [text, amd]],
      ["all that match one platform", [amd, twice, arm], ["linux/amd64"], [amd, twice]],
      ["an index without a platform goes", [amd, nested], ["linux/amd64"], [amd]],
    ];

describe("selecting platforms of an index", () => {
  for (const [why, children, platforms, stay] of SELECTED) {
    it(why, () => {
      const node = parseNode(indexOf(children).bytes);
      const { edges, leftOut, bytes } = selectChildren(node, platforms.map(parsePlatform), "it");
      assert.deepEqual(edges.map(({ target }) => target), stay);
      assert.deepEqual(
        leftOut,
        children.filter((one) => !stay.includes(one)).map(({ digest }) => digest),
      );
      assert.deepEqual(parseNode(bytes).edges.map(({ target }) => target), stay);
    });
  }

  it("keeps the other members of the index, numbers as they are written", () => {
    const json = { schemaVersion: 2, annotations: { a: "b" }, manifests: [amd, arm], odd: [1] };
    const text = new TextDecoder().decode(jsonOf(json, "").bytes).replace(
      "[1]",
      "[9007199254740993]",
    );
    const node = parseNode(
      new TextEncoder().encode(text),
      "application/vnd.oci.image.index.v1+json",
    );
    const { bytes } = selectChildren(node, [parsePlatform("linux/amd64")], "it");
    const expected = text.replace(`,${JSON.stringify(arm)}`, "");
    assert.equal(new TextDecoder().decode(bytes), expected);
  });

  it("a platform without a match is not_found, listing what there is; what is no index is unsupported", () => {
    const select = (bytes: Uint8Array, platform: string) => () =>
      selectChildren(parseNode(bytes), [parsePlatform(platform)], "it");
    const index = indexOf([amd, ofAmd]).bytes;
    assert.throws(select(index, "linux/s390x"), { code: "not_found", message: /linux\/amd64/ });
    assert.throws(select(index, "unknown/unknown"), { code: "not_found" });
    assert.throws(select(indexOf([]).bytes, "linux/amd64"), {
      code: "not_found",
      message: /no platform/,
    });
    assert.throws(select(imageOf("x").bytes, "linux/amd64"), { code: "unsupported" });
  });
});
