import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError } from "../../core/mod.ts";
import { fateOf, keepAll, parsePolicy } from "../../plugins/gc/policy.ts";

const SCHEMA = { schema: "stowage.retention/1" };
const parse = (policy: Record<string, unknown>) =>
  parsePolicy(JSON.stringify({ ...SCHEMA, ...policy }));

describe("a retention policy", () => {
  it("that says nothing drops nothing", () => assert.deepEqual(parse({}), keepAll));

  it("is read whole, times as milliseconds and sizes as bytes", () => {
    const policy = parse({
      grace: "2h",
      quarantine: "1d",
      untagged: "7d",
      orphanReferrers: "drop",
      maxSize: "20GiB",
      maxDrop: "60%",
      rules: [
        { refs: ["main", "release-*"], keep: "always", comment: "ours" },
        { refs: ["pr-*"], keepLast: 3, maxAge: "14d" },
        { refs: ["v*"], keepSemver: ">=1.0" },
      ],
    });
    assert.deepEqual(policy, {
      grace: 7_200_000,
      quarantine: 86_400_000,
      untagged: 604_800_000,
      orphanReferrers: "drop",
      maxSize: 20 * 2 ** 30,
      maxDrop: 60,
      rules: [
        { refs: ["main", "release-*"], keep: "always", comment: "ours" },
        { refs: ["pr-*"], keepLast: 3, maxAge: 1_209_600_000 },
        { refs: ["v*"], keepSemver: ">=1.0" },
      ],
    });
  });

  for (const size of ["512KiB", "1GB", "1048576"]) {
    it(`takes a size as flags do: ${size}`, () => {
      assert.ok((parse({ maxSize: size }).maxSize ?? 0) > 100_000);
    });
  }

  const wrong: readonly [string, string, RegExp][] = [
    ["no JSON", "{", /JSON/],
    ["another schema", '{"schema":"stowage.retention/2"}', /schema/],
    ["a misspelt member", '{"schema":"stowage.retention/1","rulez":[]}', /rulez/],
    [
      "a misspelt member of a rule",
      '{"schema":"stowage.retention/1","rules":[{"refs":["*"],"keeplast":3}]}',
      /keeplast/,
    ],
    ["no unit", '{"schema":"stowage.retention/1","grace":"2"}', /duration/],
    ["a share above all", '{"schema":"stowage.retention/1","maxDrop":"101%"}', /share/],
    ["no names", '{"schema":"stowage.retention/1","rules":[{"refs":[]}]}', /refs/],
    [
      "a range nobody can read",
      '{"schema":"stowage.retention/1","rules":[{"refs":["*"],"keepSemver":"newest"}]}',
      /range/,
    ],
    [
      "a negative count",
      '{"schema":"stowage.retention/1","rules":[{"refs":["*"],"keepLast":-1}]}',
      /keepLast/,
    ],
  ];
  for (const [what, text, message] of wrong) {
    it(`with ${what} is refused, and the message says where`, () => {
      assert.throws(
        () => parsePolicy(text),
        (error) => isOciError(error, "invalid") && message.test(error.message),
      );
    });
  }

  it("knows a fate by its word or its age", () => {
    assert.deepEqual([fateOf("keep"), fateOf("drop"), fateOf("7d")], ["keep", "drop", 604_800_000]);
    assert.throws(() => fateOf("soon"), (error) => isOciError(error, "invalid"));
  });
});
