import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Descriptor, nameOf, REF_NAME } from "../../core/mod.ts";
import { keepAll, type Policy, type Rule } from "../../plugins/gc/policy.ts";
import { newestFirst, retain } from "../../plugins/gc/retention.ts";
import { fc } from "../fast_check.ts";
import { blobOf } from "../images.ts";

const DAY = 86_400_000;
const NOW = 1_000 * DAY;

/** An entry set so many days ago; without a number, at no known time. */
function entry(name: string | undefined, days?: number) {
  const { descriptor } = blobOf(`${name} ${days}`);
  const named: Descriptor = name === undefined
    ? descriptor
    : { ...descriptor, annotations: { [REF_NAME]: name } };
  return { entry: named, since: days === undefined ? undefined : NOW - days * DAY };
}

const withRules = (...rules: Rule[]): Policy => ({ ...keepAll, rules });
const kept = (subjects: ReturnType<typeof entry>[], policy: Policy) =>
  retain(subjects, policy, NOW).filter(({ keep }) => keep).map(({ entry }) => nameOf(entry));

const builds = [entry("pr-1", 30), entry("pr-2", 20), entry("pr-3", 10), entry("main", 90)];

describe("retention", () => {
  const table: readonly [string, Policy, readonly string[]][] = [
    ["no rules: all stay", keepAll, ["pr-1", "pr-2", "pr-3", "main"]],
    ["a rule that keeps none", withRules({ refs: ["pr-*"] }), ["main"]],
    ["the newest two", withRules({ refs: ["pr-*"], keepLast: 2 }), ["pr-2", "pr-3", "main"]],
    ["keepLast 0 keeps none", withRules({ refs: ["pr-*"], keepLast: 0 }), ["main"]],
    ["younger than 15 days", withRules({ refs: ["*"], maxAge: 15 * DAY }), ["pr-3"]],
    ["of exactly that age goes", withRules({ refs: ["*"], maxAge: 10 * DAY }), []],
    [
      "the newest or the young: either suffices",
      withRules({ refs: ["*"], keepLast: 1, maxAge: 25 * DAY }),
      ["pr-2", "pr-3"],
    ],
    [
      "the first rule decides",
      withRules({ refs: ["pr-1"], keep: "always" }, { refs: ["*"], maxAge: DAY }),
      ["pr-1"],
    ],
    [
      "keepLast counts only what its own rule decides",
      withRules({ refs: ["pr-3"], keep: "always" }, { refs: ["pr-*"], keepLast: 1 }),
      ["pr-2", "pr-3", "main"],
    ],
    ["? stands for one character", withRules({ refs: ["pr-?"] }), ["main"]],
    ["a glob matches all of a name", withRules({ refs: ["pr-"] }), [
      "pr-1",
      "pr-2",
      "pr-3",
      "main",
    ]],
  ];
  for (const [what, policy, names] of table) {
    it(what, () => assert.deepEqual(kept(builds, policy), names));
  }

  it("keeps versions of a range, of the tag alone and with or without v", () => {
    const names = ["v1.2.3", "0.9", "2", "latest", "host:5000/app:v1.5", "1.0.0-rc.1", "v3.0"];
    assert.deepEqual(
      kept(names.map((name) => entry(name, 1)), withRules({ refs: ["*"], keepSemver: ">=1.0 <3" })),
      ["v1.2.3", "2", "host:5000/app:v1.5", "1.0.0-rc.1"],
    );
  });

  it("counts what has no time as new", () => {
    const subjects = [entry("a", 1), entry("b"), entry("c", 2)];
    assert.deepEqual(kept(subjects, withRules({ refs: ["*"], keepLast: 2 })), ["a", "b"]);
    assert.deepEqual(kept(subjects, withRules({ refs: ["*"], maxAge: 1 })), ["b"]);
  });

  it("lets entries without a name go only when told so, and never by a rule", () => {
    const subjects = [entry(undefined, 10), entry(undefined, 1), entry(undefined)];
    const left = (policy: Policy) => retain(subjects, policy, NOW).map(({ keep }) => keep);
    assert.deepEqual(left(withRules({ refs: ["*"] })), [true, true, true]);
    assert.deepEqual(left({ ...keepAll, untagged: "drop" }), [false, false, false]);
    assert.deepEqual(left({ ...keepAll, untagged: 5 * DAY }), [false, true, true]);
  });

  it("gives each a reason, and the day on which time alone will let it go", () => {
    const [old, young] = retain(
      [entry("a", 20), entry("b", 5)],
      withRules({ refs: ["*"], maxAge: 14 * DAY }),
      NOW,
    );
    assert.deepEqual([old?.keep, old?.rule, old?.reason], [false, "1", "older than 14d"]);
    assert.deepEqual([young?.keep, young?.reason], [true, "younger than 14d"]);
    assert.equal(young?.until, NOW + 9 * DAY);
  });

  it("keeps exactly the newest n, whatever their times and order", () => {
    const times = fc.array(fc.option(fc.nat(20), { nil: undefined }), { maxLength: 20 });
    fc.assert(fc.property(times, fc.nat(25), (days, keepLast) => {
      const subjects = days.map((day, at) => entry(`t${at}`, day));
      const left = retain(subjects, withRules({ refs: ["*"], keepLast }), NOW);
      const stay = left.filter(({ keep }) => keep);
      assert.equal(stay.length, Math.min(keepLast, subjects.length));
      const age = ({ since }: { since: number | undefined }) => since ?? Infinity;
      const oldest = Math.min(...stay.map(age));
      for (const gone of left.filter(({ keep }) => !keep)) assert.ok(age(gone) <= oldest);
    }));
  });

  it("takes the later of two of one time for the newer", () => {
    const order = newestFirst([entry("a", 1), entry("b", 1), entry("c", 1)]);
    assert.deepEqual(order.map(({ entry }) => nameOf(entry)), ["c", "b", "a"]);
  });
});
