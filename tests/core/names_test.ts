import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Descriptor, IMAGE_NAME, REF_NAME } from "../../core/descriptor.ts";
import { isOciError } from "../../core/errors.ts";
import {
  checkName,
  entriesNamed,
  isDigestTag,
  nameOf,
  spelling,
  splitName,
  splitPinned,
} from "../../core/names.ts";
import { fc } from "../fast_check.ts";

const HEX = "9f".repeat(32);
const D = `sha256:${HEX}`;

function entry(ref?: unknown, image?: unknown): Descriptor {
  const annotations = Object.fromEntries(
    [[REF_NAME, ref], [IMAGE_NAME, image]].filter(([, value]) => value !== undefined),
  );
  return { mediaType: "a/b", digest: D, size: 1, annotations } as Descriptor;
}

function refusal(name: string): string | undefined {
  try {
    assert.equal(checkName(name), name);
    return undefined;
  } catch (error) {
    if (isOciError(error, "invalid")) return error.message;
    throw error;
  }
}

const LEGAL = [
  "v1",
  "latest",
  "1.2.3-rc.1+build.5",
  "app/name:v1",
  "reg.example:5000/team/app:v1",
  "reg.example:5000/team/app",
  "a@b",
  "a--b",
  "_hidden",
  "v1__2",
  `sha256-${HEX}`,
  `sha256-${HEX}.sig`,
  "x".repeat(255),
  "sha1:abc",
];

const ILLEGAL: readonly (readonly [name: string, why: RegExp])[] = [
  ["", /it is empty$/],
  [D, /it reads as a digest$/],
  ["sha256:short", /it reads as a digest$/],
  ["blake3:", /it reads as a digest$/],
  [`app@${D}`, /it reads as a digest$/],
  ["app@sha512:nothing", /it reads as a digest$/],
  ["x".repeat(256), /it is longer than 255 bytes$/],
  ["é".repeat(128), /it is longer than 255 bytes$/],
  ["é", /it may hold/],
  ["a b", /it may hold/],
  ["a\nb", /it may hold/],
  ["a\n", /it may hold/],
  ["a\0", /it may hold/],
  ["a\u001b[31mb", /it may hold/],
  ["/a", /it may hold/],
  ["a/", /it may hold/],
  ["a//b", /it may hold/],
  ["../a", /it may hold/],
  ["a:", /it may hold/],
  [":a", /it may hold/],
  ["a#b", /it may hold/],
  ["__proto__:x y", /it may hold/],
];

const SPLIT: readonly (readonly [name: string, repository: string | undefined, tag: string])[] = [
  ["v1", undefined, "v1"],
  ["app:v1", "app", "v1"],
  ["app/name:v1", "app/name", "v1"],
  ["reg.example:5000/app:v1", "reg.example:5000/app", "v1"],
  ["reg.example:5000/app", undefined, "reg.example:5000/app"],
  [":v1", undefined, ":v1"],
  ["a:b:c", "a:b", "c"],
];

describe("names", () => {
  for (const name of LEGAL) {
    it(`${JSON.stringify(name.slice(0, 90))} may be written`, () =>
      assert.equal(refusal(name), undefined));
  }

  for (const [name, why] of ILLEGAL) {
    it(`${JSON.stringify(name.slice(0, 90))} is never written: ${why.source}`, () =>
      assert.match(refusal(name) ?? "", why));
  }

  it("a refusal shows no control character", () => {
    assert.doesNotMatch(refusal("a\u001b[31m\n\0b") ?? "\n", /\p{Cc}/u);
  });

  it("no text makes the check slow", () => {
    const start = performance.now();
    for (const part of ["a-", "a--", "a/", "-", "a:a"]) refusal(part.repeat(60) + "!");
    refusal("a-".repeat(1_000_000));
    assert.ok(performance.now() - start < 1_000);
  });

  for (const [name, repository, tag] of SPLIT) {
    it(`${name} has the tag ${tag}`, () =>
      assert.deepEqual(splitName(name), repository === undefined ? { tag } : { repository, tag }));
  }

  it("a digest is taken off behind the last @, and only a digest", () => {
    assert.deepEqual(splitPinned(`app:v1@${D}`), { name: "app:v1", digest: D });
    assert.deepEqual(splitPinned(`a@b@${D}`), { name: "a@b", digest: D });
    assert.deepEqual(splitPinned("app@sha256:short"), { name: "app", digest: "sha256:short" });
    assert.deepEqual(splitPinned("a@b"), { name: "a@b" });
  });

  it("a digest tag is one in full, with or without what may follow it", () => {
    const names = [
      `sha256-${HEX}`,
      `sha256-${HEX}.sig`,
      `app:sha256-${HEX}`,
      `sha512-${HEX}${HEX}.a.b`,
    ];
    for (const name of names) assert.ok(isDigestTag(name), name);
    for (const name of [`sha256-${HEX}x`, "sha256-9f", `sha1-${HEX}`, `x-sha256-${HEX}`]) {
      assert.ok(!isDigestTag(name), name);
    }
  });
});

describe("names of entries", () => {
  it("the image name comes before the reference name; what is no text is none", () => {
    assert.equal(nameOf(entry("v1", "app:v1")), "app:v1");
    assert.equal(nameOf(entry("v1")), "v1");
    assert.equal(nameOf(entry("v1", "")), "v1");
    assert.equal(nameOf(entry("", 7)), undefined);
    for (const foreign of [null, 5, "x", {}, { annotations: null }, { annotations: "v1" }]) {
      assert.equal(nameOf(foreign as unknown as Descriptor), undefined);
    }
  });

  it("a bare name is a reference name, one with a repository both", () => {
    assert.deepEqual(spelling("v1"), { [REF_NAME]: "v1", [IMAGE_NAME]: null });
    assert.deepEqual(spelling("app:v1"), { [REF_NAME]: "v1", [IMAGE_NAME]: "app:v1" });
    assert.deepEqual(spelling("app/x"), { [REF_NAME]: "app/x", [IMAGE_NAME]: null });
  });

  it("a retag keeps the spelling of the entry it replaces", () => {
    const name = "docker.io/library/app:v1";
    assert.deepEqual(spelling(name, entry(name)), { [REF_NAME]: name, [IMAGE_NAME]: null });
    assert.deepEqual(spelling(name, entry("v1", name)), { [REF_NAME]: "v1", [IMAGE_NAME]: name });
    assert.deepEqual(spelling(name, entry(undefined, name)), {
      [REF_NAME]: "v1",
      [IMAGE_NAME]: name,
    });
  });

  const all = {
    plain: entry("v1"),
    app: entry("v1", "app:v1"),
    other: entry("v2", "other:v2"),
    full: entry("reg.example/full:v3"),
    image: entry(undefined, "reg.example/image:v4"),
    image2: entry("x", "reg.example/more:v4"),
  };
  const find = (entries: readonly Descriptor[], name: string, suffix = true) =>
    entriesNamed(entries, name, { suffix }).map((found) =>
      Object.entries(all).find(([, one]) => one === found)?.[0]
    );
  const some = Object.values(all);

  const FOUND: readonly (readonly [name: string, found: readonly string[], without?: string])[] = [
    ["v1", ["plain"]],
    ["v1", ["app"], "plain"],
    ["app:v1", ["app"]],
    ["v2", ["other"]],
    ["reg.example/full:v3", ["full"]],
    ["v3", ["full"]],
    ["v4", ["image", "image2"]],
    ["reg.example/image:v4", ["image"]],
    ["reg.example/more", []],
    ["", []],
    ["app", []],
  ];
  for (const [name, found, without] of FOUND) {
    it(`"${name}" finds ${found.join(", ") || "nothing"}${without ? ` without ${without}` : ""}`, () =>
      assert.deepEqual(find(some.filter((one) => one !== all[without as "plain"]), name), found));
  }

  it("without the rule of suffixes only exact names are found", () => {
    assert.deepEqual(find(some, "v3", false), []);
    assert.deepEqual(find(some, "v4", false), []);
    assert.deepEqual(find(some, "v2", false), ["other"]);
  });

  const part = fc.stringMatching(/^[a-z0-9]{1,4}$/);
  const legal = fc.tuple(fc.array(part, { maxLength: 3 }), part)
    .map(([repository, tag]) => (repository.length ? `${repository.join("/")}:` : "") + tag);

  it("any name that may be written is the name of the entry that spells it", () => {
    fc.assert(fc.property(legal, fc.option(legal), (name, former) => {
      checkName(name);
      const annotations = spelling(name, former === null ? undefined : entry(name, former));
      const written = entry(
        annotations[REF_NAME] ?? undefined,
        annotations[IMAGE_NAME] ?? undefined,
      );
      assert.equal(nameOf(written), name);
      assert.deepEqual(entriesNamed([written], name), [written]);
      assert.deepEqual(entriesNamed([written], splitName(name).tag), [written]);
    }));
  });
});
