import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { copy, type Layout } from "../../core/mod.ts";
import { digestTag } from "../../core/referrers.ts";
import { digests, multi, names, platforms, second } from "../copies.ts";
import { type Image, imageOf, pushAll } from "../images.ts";
import { everyLayout, makePlace, type Place } from "../layouts.ts";

const SBOM = "application/spdx+json";
const signature = imageOf("signature", {
  subject: multi.descriptor,
  artifactType: "application/signature",
});
const bill = imageOf("bill", { subject: second.descriptor, artifactType: SBOM });
const counter = imageOf("counter", { subject: bill.descriptor, artifactType: SBOM });
const cosign = imageOf("cosign");
const related = [signature, bill, counter, cosign].flatMap((
  image,
) => [image.config, image.layer, image]);

/** The same with referrers: of the index, of a manifest, of that referrer, and a digest tag of the first. */
async function referred(there: Place): Promise<Layout> {
  const layout = await platforms(there);
  await pushAll(layout, ...related);
  await layout.transaction(async (tx) => {
    tx.insert(signature.descriptor);
    await tx.tag(bill.descriptor, "bill");
    tx.insert(counter.descriptor);
    await tx.tag(cosign.descriptor, `${digestTag(multi.descriptor.digest)}.sig`);
  });
  return layout;
}

const sigTag = `${digestTag(multi.descriptor.digest)}.sig`;

describe("copying referrers", () => {
  const cases: readonly (readonly [string, Parameters<typeof copy>[3], readonly Image[]])[] = [
    ["none unless asked", {}, []],
    ["all, of every manifest, in turn, with digest tags", { referrers: true }, [
      signature,
      bill,
      cosign,
      counter,
    ]],
    ["to a depth", { referrers: { depth: 1 } }, [signature, bill, cosign]],
    ["of a type, and digest tags", { referrers: { artifactTypes: [SBOM] } }, [
      bill,
      cosign,
      counter,
    ]],
    ["none at depth 0", { referrers: { depth: 0 } }, []],
    ["of one platform only its own", { referrers: true, platform: "linux/arm64" }, [
      bill,
      counter,
    ]],
    ["of a new index not the old one's", { referrers: true, platforms: ["linux/arm64"] }, [
      bill,
      counter,
    ]],
    ["of a cut one its own", { referrers: true, platforms: ["linux/amd64"], sparse: true }, [
      signature,
      cosign,
    ]],
  ];
  for (const [why, options, expected] of cases) {
    it(`brings ${why}; digest tags by name, others without one`, async () => {
      await using a = makePlace("memory");
      await using b = makePlace("memory");
      const target = await b.open();
      const { copied } = await copy(await referred(a), "multi", target, options);
      assert.deepEqual(
        copied.slice(1).map(({ source }) => source),
        digests(expected.map((one) => one.descriptor)),
      );
      assert.deepEqual(await names(target), [
        "multi",
        ...expected.includes(cosign) ? [sigTag] : [],
      ]);
      for (const { layer } of expected) {
        assert.deepEqual(await target.fetchAll(layer.descriptor), new Uint8Array(layer.bytes));
      }
      assert.equal((await target.index()).manifests.length, 1 + expected.length);
    });
  }
});

everyLayout("copying referrers", (place) => {
  it("what must hold for the name need not hold for theirs; what was chosen anyway comes once", async () => {
    await using a = place();
    await using b = place();
    const layout = await referred(a);
    const target = await b.open();
    await copy(layout, sigTag, target);
    await copy(layout, "multi", target, { referrers: true, expect: null });
    const { copied } = await copy(layout, undefined, target, { referrers: true });
    assert.equal(copied.length, (await layout.index()).manifests.length);
    assert.deepEqual(await names(target), await names(layout));
  });
});
