import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestOf } from "../../core/mod.ts";
import { createDigestSet } from "../../plugins/gc/digest_set.ts";
import { fc } from "../fast_check.ts";
import { utf8 } from "../images.ts";

const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes });
const digests = fc.tuple(fc.constantFrom(["sha256", 32], ["sha512", 64]), hex(64)).map(
  ([[algorithm, length], bytes]) =>
    `${algorithm}:${
      [...bytes.slice(0, Number(length))].map((byte) => byte.toString(16).padStart(2, "0")).join("")
    }` as Digest,
);

describe("a set of digests", () => {
  it("holds what was put in and nothing else, as a Set does", () => {
    fc.assert(
      fc.property(fc.array(digests), digests, fc.constantFrom(64, 256), (some, other, bits) => {
        const set = createDigestSet(bits);
        const model = new Set<Digest>();
        for (const digest of some) {
          assert.equal(set.add(digest), !model.has(digest));
          model.add(digest);
        }
        assert.equal(set.size, model.size);
        for (const digest of [...some, other]) {
          const [algorithm = "", hex = ""] = digest.split(":");
          assert.equal(set.has(digest), model.has(digest));
          if (algorithm !== "sha256") continue;
          assert.equal(set.hasHex(utf8(`before${hex}`), 6), model.has(digest));
        }
      }),
    );
  });

  it("of 256 bits tells apart what begins alike", () => {
    const [one, other] = [
      `sha256:${"a".repeat(63)}1` as Digest,
      `sha256:${"a".repeat(63)}2` as Digest,
    ];
    const [few, all] = [createDigestSet(), createDigestSet(256)];
    for (const set of [few, all]) assert.ok(set.add(one));
    assert.deepEqual([few.add(other), all.add(other)], [false, true]);
  });

  it("grows to twenty thousand and loses none", () => {
    const set = createDigestSet();
    const all = Array.from({ length: 20_000 }, (_, at) => digestOf(utf8(`${at}`)));
    for (const digest of all) assert.ok(set.add(digest));
    assert.equal(set.size, 20_000);
    for (const digest of all) assert.ok(set.has(digest) && !set.add(digest));
    assert.ok(!set.has(digestOf(utf8("20000"))));
  });

  it("takes a digest of zeros, whose place looks free, and long runs of neighbours", () => {
    const set = createDigestSet();
    const near = Array.from(
      { length: 1_500 },
      (_, at) => `sha256:${at.toString(16).padStart(8, "0")}${"0".repeat(56)}` as Digest,
    );
    for (const digest of near) {
      assert.ok(!set.has(digest));
      assert.ok(set.add(digest));
      assert.ok(set.has(digest));
    }
    assert.equal(set.size, 1_500);
  });
});
