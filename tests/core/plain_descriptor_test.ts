import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptorSchema, isPlainDescriptor } from "../../core/descriptor.ts";
import { complaint } from "../../core/schema.ts";
import { fc } from "../fast_check.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom("", "text", digest, -1, 0, 1.5, 2 ** 60, null),
);
const text = fc.string({ maxLength: 5 });
const record = fc.dictionary(text, fc.oneof({ weight: 9, arbitrary: text }, odd), { maxKeys: 3 });
const platform = fc.record({ os: text, architecture: text, variant: text, "os.features": odd }, {
  requiredKeys: [],
});
const rare = fc.record({ urls: odd, data: odd }, { requiredKeys: [] });
const mostly = <T>(right: fc.Arbitrary<T>) => fc.oneof({ weight: 9, arbitrary: right }, odd);

test("whatever is told to be a descriptor quickly, the schema would have let pass", () => {
  let plain = 0;
  const members = {
    mediaType: mostly(fc.constant("text/plain")),
    digest: mostly(fc.constant(digest)),
    size: mostly(fc.nat()),
    annotations: mostly(record),
    platform: mostly(platform),
    artifactType: mostly(text),
    other: odd,
  };
  const required = ["mediaType", "digest", "size"] as const;
  const usual = fc.record(members, { requiredKeys: [...required] });
  const values = fc.oneof(
    { weight: 6, arbitrary: usual },
    odd,
    fc.tuple(usual, rare).map(([a, b]) => ({ ...a, ...b })),
  );
  fc.assert(
    fc.property(values, (value) => {
      if (!isPlainDescriptor(value)) return;
      plain++;
      assert.equal(complaint(descriptorSchema, value), undefined);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(plain > 20, `only ${plain} were`);
});
