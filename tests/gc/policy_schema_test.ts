import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isOciError } from "../../core/mod.ts";
import { parsePolicy } from "../../plugins/gc/policy.ts";
import { RETENTION_SCHEMA, retentionSchema } from "../../scripts/retention_schema.ts";
import { validator } from "../ajv.ts";
import { fc } from "../fast_check.ts";

const file = readFileSync(RETENTION_SCHEMA, "utf8");
const judge = validator(JSON.parse(file));
const SCHEMA = { schema: "stowage.retention/1" };

/** Whether the program reads it. */
function isRead(policy: unknown): boolean {
  try {
    parsePolicy(JSON.stringify(policy));
    return true;
  } catch (error) {
    if (isOciError(error, "invalid")) return false;
    throw error;
  }
}

describe("the JSON Schema of a retention policy", () => {
  it("is what the program judges by; else run scripts/retention_schema.ts", () =>
    assert.equal(file, retentionSchema()));

  it("describes every member", () => {
    const undescribed: string[] = [];
    const look = (at: string, { properties = {}, items, description }: Shape) => {
      if (description === undefined && at !== "") undescribed.push(at);
      for (const [name, member] of Object.entries(properties)) look(`${at}/${name}`, member);
      if (items?.properties) look(`${at}[]`, { description: "", ...items });
    };
    interface Shape {
      readonly properties?: Readonly<Record<string, Shape>>;
      readonly items?: Shape;
      readonly description?: string;
    }
    look("", JSON.parse(file));
    assert.deepEqual(undescribed, []);
  });

  const good: Readonly<Record<string, object>> = {
    "nothing": {},
    "where the schema is": { $schema: "https://example.com/retention.schema.json" },
    "all there is": {
      comment: "ours",
      grace: "2h",
      quarantine: "0",
      untagged: "7d",
      orphanReferrers: "drop",
      maxSize: "20GiB",
      maxDrop: "60%",
      rules: [
        { refs: ["main", "release-*"], keep: "always", comment: "never these" },
        { refs: ["v*"], keepSemver: ">=1.2 <2 || ^3" },
        { refs: ["pr-*"], keepLast: 3, maxAge: "14d" },
        { refs: ["tmp-?"] },
      ],
    },
  };
  for (const [what, policy] of Object.entries(good)) {
    it(`lets pass what the program reads: ${what}`, () => {
      assert.ok(judge({ ...SCHEMA, ...policy }), JSON.stringify(judge.errors));
      assert.ok(isRead({ ...SCHEMA, ...policy }));
    });
  }

  const bad: Readonly<Record<string, object>> = {
    "another version": { schema: "stowage.retention/2" },
    "a misspelt member": { rulez: [] },
    "a misspelt keeper": { rules: [{ refs: ["*"], keeplast: 3 }] },
    "a rule without names": { rules: [{ keepLast: 3 }] },
    "an empty name": { rules: [{ refs: [""] }] },
    "no unit": { grace: "2" },
    "a number for a time": { grace: 2 },
    "a unit nobody knows": { rules: [{ refs: ["*"], maxAge: "2w" }] },
    "half a name": { rules: [{ refs: ["*"], keepLast: 0.5 }] },
    "a size with a sign": { maxSize: "-1GiB" },
    "more than all": { maxDrop: "100.1%" },
    "a blank range": { rules: [{ refs: ["*"], keepSemver: " " }] },
  };
  for (const [what, policy] of Object.entries(bad)) {
    it(`stops what the program refuses: ${what}`, () => {
      assert.equal(judge({ ...SCHEMA, ...policy }), false);
      assert.equal(isRead({ ...SCHEMA, ...policy }), false);
    });
  }

  it("and the program agree on times and sizes, however they are spelt", () => {
    const number = fc.oneof(
      fc.nat(999).map(String),
      fc.constantFrom("0", "0.5", "1.25", ".5", ""),
    );
    const unit = fc.constantFrom(
      ...[
        "",
        "ms",
        "s",
        "m",
        "h",
        "d",
        "w",
        "B",
        "KiB",
        "MiB",
        "GiB",
        "TiB",
        "kB",
        "KB",
        "GB",
        "TB",
      ],
      ...["kiB", "PB", " h", "  h", "H"],
    );
    const text = fc.tuple(number, unit).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.constantFrom("grace", "maxSize", "untagged"), (text, member) => {
        const policy = { ...SCHEMA, [member]: text };
        assert.equal(judge(policy), isRead(policy), JSON.stringify(policy));
      }),
      { numRuns: 400 },
    );
  });
});
