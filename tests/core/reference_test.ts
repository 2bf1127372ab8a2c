import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, isOciError } from "../../core/errors.ts";
import { type Place, placeUrl } from "../../core/place.ts";
import { formatReference, parseReference, type Reference } from "../../core/reference.ts";
import { fc } from "../fast_check.ts";

const SCHEMES = ["dir", "mem", "s3", "sftp", "tar"];
const D = `sha256:${"9f".repeat(32)}` as const;
const parse = (text: string) => parseReference(text, SCHEMES);
const print = (reference: Reference) => formatReference(reference, SCHEMES);

function failure(text: string, code: ErrorCode = "invalid"): string {
  try {
    parse(text);
  } catch (error) {
    if (isOciError(error, code)) return error.message;
    throw error;
  }
  assert.fail(`${text} was read`);
}

/** `printed` where it is not as typed. */
type Row = readonly [
  typed: string,
  scheme: string,
  path: string,
  name?: string | undefined,
  digest?: typeof D | undefined,
  printed?: string,
];

const ROWS: readonly Row[] = [
  ["store:v1", "dir", "store", "v1"],
  [`./store:v1@${D}`, "dir", "./store", "v1", D],
  ["./store#reg.example:5000/team/app:v1", "dir", "./store", "reg.example:5000/team/app:v1"],
  ["./my layout:v1", "dir", "./my layout", "v1"],
  ["./a:b", "dir", "./a", "b"],
  ["./a:b#", "dir", "./a:b"],
  ["./2026-11-22T10:30:00#", "dir", "./2026-11-22T10:30:00"],
  ["./2026-11-22T10:30:00", "dir", "./2026-11-22T10:30", "00"],
  ["./release.tar:v1", "tar", "./release.tar", "v1"],
  ["./release.TAR", "tar", "./release.TAR"],
  ["dir:x.tar", "dir", "x.tar"],
  ["tar:v1", "tar", "v1"],
  ["./tar:v1", "dir", "./tar", "v1"],
  [
    "oci:/srv/oci:reg.example/app:1.0",
    "dir",
    "/srv/oci",
    "reg.example/app:1.0",
    undefined,
    "/srv/oci#reg.example/app:1.0",
  ],
  ["oci-archive:/a/b:v1", "tar", "/a/b", "v1", undefined, "tar:/a/b:v1"],
  [`oci:/srv/oci:v1@${D}`, "dir", "/srv/oci", "v1", D, `/srv/oci:v1@${D}`],
  [`oci:/srv/oci:${D}`, "dir", "/srv/oci", undefined, D, `/srv/oci@${D}`],
  ["oci:/srv/a:b#v1", "dir", "/srv/a:b", "v1", undefined, "/srv/a:b:v1"],
  [`ocidir://srv/x?y:v1@${D}`, "dir", "srv/x?y", "v1", D, `srv/x?y:v1@${D}`],
  [
    "s3://b/app:v1?endpoint=http://127.0.0.1:9000",
    "s3",
    "//b/app?endpoint=http://127.0.0.1:9000",
    "v1",
  ],
  [
    "s3://b/app?endpoint=http://127.0.0.1:9000#v1",
    "s3",
    "//b/app?endpoint=http://127.0.0.1:9000",
    "v1",
    undefined,
    "s3://b/app:v1?endpoint=http://127.0.0.1:9000",
  ],
  ["s3://b/:v1", "s3", "//b/", "v1"],
  ["s3://b#v1", "s3", "//b", "v1"],
  [`s3://b@${D}`, "s3", "//b", undefined, D],
  [`s3://b/app@${D}?region=eu-west-1`, "s3", "//b/app?region=eu-west-1", undefined, D],
  ["sftp://host:22", "sftp", "//host:22"],
  ["sftp://host:22/path:v1", "sftp", "//host:22/path", "v1"],
  ["C:\\images\\app:v1", "dir", "C:\\images\\app", "v1"],
  ["C:\\images", "dir", "C:\\images"],
  ["oci:C:\\images\\app:v1", "dir", "C:\\images\\app", "v1", undefined, "C:\\images\\app:v1"],
  ["C:v1", "dir", "C", "v1"],
  ["localhost:5000/app:v1", "dir", "localhost:5000/app", "v1"],
  [
    "file:///srv/odd%23name#v1",
    "dir",
    "/srv/odd#name",
    "v1",
    undefined,
    "file:///srv/odd%23name:v1",
  ],
  ["file:///srv/a%3Ab.tar:v1", "tar", "/srv/a:b.tar", "v1", undefined, "/srv/a:b.tar:v1"],
  ["-#app:v1", "-", "", "app:v1"],
  ["-", "-", ""],
  ["tar:-", "-", "", undefined, undefined, "-"],
  ["@prod:v1", "@", "prod", "v1"],
  [`@prod@${D}`, "@", "prod", undefined, D],
  [":v1", "", "", "v1"],
  ["#app:v1", "", "", "app:v1"],
  [`@${D}`, "", "", undefined, D],
  ["", "", ""],
  ["mem:", "mem", ""],
  ["mem:a:v1", "mem", "a", "v1"],
  ["dir:@odd", "dir", "@odd"],
  ["dir:gs://b", "dir", "gs://b"],
  ["dir:gs:b#", "dir", "gs:b", undefined, undefined, "gs:b#"],
  ["dir:tar:b#", "dir", "tar:b"],
  [`./store#${D}`, "dir", "./store", undefined, D, `./store@${D}`],
];

describe("a reference is read, printed and read again the same", () => {
  for (const [typed, scheme, path, name, digest, printed = typed] of ROWS) {
    it(JSON.stringify(typed), () => {
      const wanted: Reference = {
        place: { scheme, path },
        ...(name === undefined ? {} : { name }),
        ...(digest === undefined ? {} : { digest }),
      };
      assert.deepEqual(parse(typed), wanted);
      assert.equal(print(wanted), printed);
      assert.deepEqual(parse(printed), wanted);
    });
  }
});

describe("what means nothing is refused with the form that would do", () => {
  const rows: readonly [string, RegExp][] = [
    ["./store:v1,v2", /"v1,v2" is no tag; write "\.\/store#NAME".*"\.\/store:v1,v2#"/],
    ["./store:", /"" is no tag; write "\.\/store#NAME"/],
    [":", /"" is no tag/],
    ["oci:/srv/oci:", /"" is no tag/],
    [`oci:/srv/oci:a/b@${D}`, /"a\/b" is no tag/],
    ["s3://b:v1", /write "s3:\/\/b\/:v1" or "s3:\/\/b#v1"/],
    ["s3:v1", /write "s3:\/\/…", or "\.\/s3:v1"/],
    ["gs://b/x", /known are dir, file, mem, oci, oci-archive, ocidir, s3, sftp, tar/],
    ["dir:", /the path is empty/],
    ["@team/x", /write "\.\/@team\/x"/],
    ["file://host/x", /write "file:\/\/\/PATH"/],
    ["file:///a%2Fb", /makes no path/],
    ["file:///a%zz", /makes no path/],
    ["./a\nb", /control character/],
    ["./a\ud800", /control character/],
  ];
  for (const [typed, message] of rows) {
    it(JSON.stringify(typed), () => assert.match(failure(typed), message));
  }
  it("a digest of the wrong length is never a tag", () => {
    assert.match(failure("./store@sha256:abc", "invalid_digest"), /"sha256:abc"/);
    failure("./store@sha512:v1", "invalid_digest");
    failure(`./store@${D.toUpperCase().replace("SHA256", "sha256")}`, "invalid_digest");
  });
});

it("user names, passwords and queries are refused or left out of messages", () => {
  for (
    const text of [
      "s3://u:MARKER@b/app:v1",
      "s3://u:MARKER@b",
      "sftp://MARKER@h/x",
      "s3://u:MAR/MARKER@b/app:,",
      "s3://b/app:,?token=MARKER",
      "pg://u:MARKER@h/x",
      "s3://u:MARKER@b/a\n",
      "s3://u:MARKER@b#v1",
    ]
  ) assert.doesNotMatch(failure(text), /MARKER/);
});

it("a URL is made only where a backend opens it", () => {
  const url = (place: Place) => placeUrl(place, "/home/me").href;
  assert.equal(url({ scheme: "dir", path: "a b/../x#?%:v1" }), "dir:///home/me/x%23%3F%25:v1");
  assert.equal(url({ scheme: "tar", path: "/srv/ä.tar" }), "tar:///srv/%C3%A4.tar");
  assert.equal(url({ scheme: "mem", path: "a/b" }), "mem:a%2Fb");
  assert.equal(url({ scheme: "s3", path: "//b/app?region=r" }), "s3://b/app?region=r");
  assert.equal(url({ scheme: "-", path: "" }), "tar:-");
  for (const scheme of ["", "@"]) {
    assert.throws(() => placeUrl({ scheme, path: "" }, "/"), { code: "invalid" });
  }
  for (const path of ["//b/../x", "//b/a/./c", "//b/a/%2E%2e?region=r", "//b/.."]) {
    assert.throws(() => placeUrl({ scheme: "s3", path }, "/"), { code: "invalid" }, path);
  }
  for (const path of ["//b/..a/.b/c..", "//b/x?endpoint=http://h/../y"]) {
    assert.equal(url({ scheme: "s3", path }), `s3:${path}`);
  }
});

it("a relative path with # has no text", () => {
  assert.throws(() => print({ place: { scheme: "dir", path: "./a#b" } }), { code: "invalid" });
});

const piece = fc.string({
  unit: fc.constantFrom(..."ab:/@#-.\\?%v1 ", "sha256:", D, "C:", "oci:", "s3://", "file:///"),
  maxLength: 12,
});

it("whatever can be read can be printed, and reads the same again", () => {
  let read = 0;
  fc.assert(
    fc.property(piece, (text) => {
      let reference: Reference;
      try {
        reference = parse(text);
      } catch (error) {
        assert.ok(isOciError(error, "invalid", "invalid_digest"), text);
        return;
      }
      read++;
      assert.deepEqual(parse(print(reference)), reference);
    }),
    { numRuns: 3000 },
  );
  assert.ok(read > 500, `only ${read} could be read`);
});

it("any absolute path and any name have a text", () => {
  const path = fc.string({ unit: "grapheme", minLength: 1 }).filter((s) => !/\p{Cc}/u.test(s));
  const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((s) =>
    !/[\p{Cc}]|^(sha256|sha384|sha512|blake3):/u.test(s)
  );
  fc.assert(fc.property(path, name, fc.constantFrom("dir", "tar"), (path, name, scheme) => {
    const reference: Reference = { place: { scheme, path: `/${path}` }, name };
    if (scheme === "dir" && /#/.test(path) && /\.tar$/i.test(path)) return;
    if (scheme === "tar" && /#/.test(path) && !/\.tar$/i.test(path)) return;
    assert.deepEqual(parse(print(reference)), reference);
  }));
});
