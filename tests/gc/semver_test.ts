import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError } from "../../core/mod.ts";
import { inRange, isRange } from "../../plugins/gc/semver.ts";

const table: readonly [string, string, boolean][] = [
  ["1.2.3", ">=1.2 <2", true],
  ["v1.2.3", ">=1.2 <2", true],
  ["1", ">=1.2 <2", false],
  ["1.2", ">=1.2 <2", true],
  ["2.0.0", ">=1.2 <2", false],
  ["1.3.0-rc.1", ">=1.2 <2", true],
  ["1.3.0+build.7", ">=1.2 <2", true],
  ["1.2.0-rc.1", ">=1.2", true],
  ["1.2.0-rc.1", ">=1.2.0", false],
  ["latest", "*", false],
  ["1.2.3.4", "*", false],
  ["pr-1.2.3", "*", false],
  ["20260101", ">=1.0", true],
  ["", "*", false],
];

describe("a range of versions", () => {
  for (const [name, range, within] of table) {
    it(`${range} ${within ? "holds" : "does not hold"} ${JSON.stringify(name)}`, () => {
      assert.equal(inRange(name, range), within);
    });
  }

  it("that cannot be read is an error", () => {
    assert.deepEqual([isRange(">=1.0"), isRange("newest")], [true, false]);
    assert.throws(() => inRange("1.0", "newest"), (error) => isOciError(error, "invalid"));
  });
});
