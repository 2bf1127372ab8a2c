import assert from "node:assert/strict";
import { it } from "node:test";
import { copy, type Descriptor, hookEdges, systemClock } from "../../../core/mod.ts";
import { collect } from "../../../plugins/gc/collect.ts";
import { keepAll } from "../../../plugins/gc/policy.ts";
import { peek } from "../../../plugins/sign/bundles.ts";
import { signHook } from "../../../plugins/sign/hook.ts";
import { fails } from "../../fails.ts";
import { indexOf, pushAll, pushImage } from "../../images.ts";
import { everyLayout } from "../../layouts.ts";
import {
  attack,
  DAY,
  listings,
  nameIn,
  NOW,
  pair,
  reasonOf,
  signing,
  stripped,
  trusting,
  unsigned,
} from "./signing.ts";

const bindingOf = (entry: Descriptor | undefined) =>
  peek(entry?.annotations?.["dev.stowage.binding"] ?? "")?.binding;

everyLayout("signed names", (newPlace, kind) => {
  const [k, l] = [pair(), pair("ecdsa-p256-sha256")];
  const policy = trusting([k]);

  it("hold a binding, a pointer, one listing and three blobs", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    const image = await pushImage(layout, "a");
    const before = (await Array.fromAsync(layout.walk())).length;
    const [entry] = await layout.tag(image, "v1");
    const found = await layout.resolve("v1");
    assert.equal(bindingOf(found)?.sequence, 1);
    assert.equal(bindingOf(found)?.previous, null);
    assert.deepEqual(Object.keys(found.annotations ?? {}), [
      "dev.stowage.binding",
      "dev.stowage.binding.ref",
      "dev.stowage.tagged",
      "org.opencontainers.image.ref.name",
    ]);
    const [listing, ...others] = await listings(layout);
    assert.equal(others.length, 0);
    assert.equal(listing?.artifactType, "application/vnd.dev.sigstore.bundle.v0.3+json");
    assert.equal((await Array.fromAsync(layout.walk())).length, before + 3);
    const referrers = await layout.referrers(image.digest);
    assert.deepEqual(referrers.map(({ digest }) => digest), [listing?.digest]);
    assert.equal(entry?.digest, image.digest);
    assert.equal(await reasonOf(place, "v1", policy), "ok");
  });

  it("that hold already are left as they are, to the byte", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(l)] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    const before = await place.read("index.json");
    await layout.transaction((tx) => tx.retag("v1"));
    assert.equal(await place.read("index.json"), before);
    const renewing = await place.open({ hooks: [signing(l, { renew: true })] });
    await renewing.transaction((tx) => tx.retag("v1"));
    assert.equal(bindingOf(await layout.resolve("v1"))?.sequence, 2);
  });

  it("moved to another digest go on counting and drop the old listing", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    const first = peek((await layout.resolve("v1")).annotations?.["dev.stowage.binding"] ?? "");
    const old = await listings(layout);
    await layout.tag(await pushImage(layout, "b"), "v1");
    const binding = bindingOf(await layout.resolve("v1"));
    assert.deepEqual([binding?.sequence, binding?.previous], [2, first?.statement]);
    const now = await listings(layout);
    assert.equal(now.length, 1);
    assert.notEqual(now[0]?.digest, old[0]?.digest);
    assert.equal(await reasonOf(place, "v1", policy), "ok");
  });

  it("that were dropped and collected go on counting when they are set again", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    await layout.untag("v1");
    await attack(place, () => []);
    await layout.tag(await pushImage(layout, "b"), "v1");
    assert.equal(bindingOf(await layout.resolve("v1"))?.sequence, 2);
    assert.deepEqual(layout.notices, []);
  });

  it("are co-signed by a second key that knows the first: one statement, two bundles", async () => {
    await using place = newPlace();
    await (await place.open({ hooks: [signing(k)] })).tag(
      await pushImage(await place.open(), "a"),
      "v1",
    );
    const second = await place.open({
      hooks: [signing(l, { keys: [k.own], now: () => NOW + DAY })],
    });
    await second.transaction((tx) => tx.retag("v1"));
    const { annotations = {} } = await second.resolve("v1");
    const both = ["", ".2"].map((n) => peek(annotations[`dev.stowage.binding${n}`] ?? ""));
    assert.equal(both[0]?.statement, both[1]?.statement);
    assert.equal((await listings(second)).length, 2);
    const two = { ...policy, ...trusting([k, l]) };
    const strict = { ...two, rules: two.rules.map((rule) => ({ ...rule, threshold: 2 })) };
    assert.equal(await reasonOf(place, "v1", strict), "ok");
  });

  it("need a scope, and an end that is to come", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signHook({ signer: k.signer })] });
    const image = await pushImage(layout, "a");
    await fails(layout.tag(image, "v1"), "refused", /in which scope/);
    for (const expires of ["2026-11-21T00:00:00Z", "0s", "yesterday", "P1M"]) {
      const late = await place.open({ hooks: [signing(k, { expires })] });
      await fails(late.tag(image, "v1"), "refused");
    }
    const soon = await place.open({ hooks: [signing(k, { expires: "90d" })] });
    await soon.tag(image, "v1");
    assert.equal(bindingOf(await soon.resolve("v1"))?.expires, "2027-02-20T00:00:00Z");
  });

  it("that end are signed anew once they have", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k, { expires: "P1D" })] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    const later = await place.open({ hooks: [signing(k, { now: () => NOW + 2 * DAY })] });
    await later.transaction((tx) => tx.retag("v1"));
    assert.equal(bindingOf(await later.resolve("v1"))?.sequence, 2);
  });

  it("with a repository are bound to their whole name", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "reg.example/app:1.0");
    await layout.tag(await pushImage(layout, "b"), "reg.example/other:1.0");
    assert.equal(bindingOf(await layout.resolve("reg.example/other:1.0"))?.sequence, 1);
    assert.equal(await reasonOf(place, "reg.example/app:1.0", policy), "ok");
    assert.equal(await reasonOf(place, "reg.example/other:1.0", policy), "ok");
  });

  it("set by two writers at once all hold, each for its own digest", async () => {
    await using place = newPlace();
    const writers = [
      await place.open({ hooks: [signing(k)] }),
      await place.open({ hooks: [signing(k)] }),
    ];
    const images = await Promise.all(writers.map((one, n) => pushImage(one, `image ${n}`)));
    await Promise.all(writers.flatMap((one, n) => {
      const image = images[n];
      assert.ok(image);
      return [one.tag(image, `own-${n}`), one.tag(image, "shared"), one.tag(image, `more-${n}`)];
    }));
    for (const name of ["own-0", "own-1", "more-0", "more-1", "shared"]) {
      assert.equal(await reasonOf(place, name, policy), "ok", name);
    }
  });

  it("many in one swap hold, also those whose bundles find no room in the index", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    const names = Array.from({ length: 25 }, (_, n) => `tag-${n}`);
    const annotations = { notes: "x".repeat(20_000) };
    await layout.tag(await pushImage(layout, "a"), names, { annotations });
    const entries = (await layout.references()).map(({ descriptor }) => descriptor);
    const inline = entries.filter((one) => one.annotations?.["dev.stowage.binding"] !== undefined);
    assert.ok(inline.length > 10 && inline.length < 20, `${inline.length} are inline`);
    for (const name of ["tag-0", "tag-24"]) {
      assert.equal(await reasonOf(place, name, policy), "ok");
    }
  });

  it("copied, keep what fits and drop what is of another name", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    const carrying = await place.open({ hooks: [signHook()] });
    await carrying.tag("v1", "v2");
    assert.equal(
      stripped(await carrying.resolve("v2")).annotations?.["dev.stowage.binding"],
      undefined,
    );
    assert.deepEqual(Object.keys((await carrying.resolve("v2")).annotations ?? {}), [
      "dev.stowage.tagged",
      "org.opencontainers.image.ref.name",
    ]);
    await using other = newPlace();
    const target = await other.open({ hooks: [signHook()] });
    await copy(carrying, "v1", target);
    assert.equal(await reasonOf(other, "v1", policy), "ok");
    // The copy has made the signature last there, too.
    await attack(other, (entries) => entries.map((one) => nameIn(one) ? stripped(one) : one));
    assert.equal(await reasonOf(other, "v1", policy), "ok");
  });

  it("come along whole when their bundles are not in the index", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    const entry = await layout.resolve("v1");
    await attack(place, (entries) =>
      entries.filter((one) => nameIn(one)).map((one) => {
        const { ["dev.stowage.binding"]: _, ...annotations } = one.annotations ?? {};
        return { ...one, annotations };
      }));
    const from = await place.open({ hooks: [signHook()] });
    const ties = await hookEdges(from.store, await from.index())(await from.resolve("v1"));
    assert.deepEqual(ties.map(({ digest }) => digest), [
      entry.annotations?.["dev.stowage.binding.ref"],
    ]);
    await using other = newPlace();
    await copy(from, "v1", await other.open({ hooks: [signHook()] }));
    assert.equal(await reasonOf(other, "v1", policy), "ok");
  });

  it("an index is signed as it is listed, with its platform and annotations", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    const child = await pushImage(layout, "arm");
    const root = indexOf([{ ...child, platform: { os: "linux", architecture: "arm64" } }]);
    await pushAll(layout, root);
    await layout.tag({ ...root.descriptor, artifactType: "application/x" }, "multi", {
      annotations: { team: "a" },
    });
    const { target } = bindingOf(await layout.resolve("multi")) ?? {};
    assert.deepEqual([target?.artifactType, target?.annotations], ["application/x", { team: "a" }]);
    assert.equal(await reasonOf(place, "multi", policy), "ok");
  });

  it("survive a collection; what was bound before does not keep an image alive", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await layout.tag(a, "v1");
    const old = await layout.resolve("v1");
    await layout.tag(b, "v1");
    const clock = { ...layout.store.clock, now: () => layout.store.clock.now() + 3 * DAY };
    // A bucket has a clock of its own, of whole seconds.
    if (kind === "s3") await systemClock.sleep(2_100);
    await collect({ ...layout.store, clock }, {
      policy: keepAll,
      grace: 1,
      quarantine: 0,
      trash: 0,
      exclusive: true,
      budget: {},
    });
    assert.equal(await reasonOf(place, "v1", policy), "ok");
    assert.equal(await layout.exists(a.digest), false);
    assert.notEqual(old.digest, b.digest);
  });

  it("that lost annotations and listing are repaired without a key, and twice is once", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    const platform = { os: "linux", architecture: "amd64" };
    const image = await pushImage(layout, "a");
    await layout.tag({ ...image, platform }, "v1", { annotations: { team: "a" } });
    const before = await layout.index();
    const without = (one: Descriptor) => {
      const { platform: _, ...rest } = stripped(one);
      return { ...rest, annotations: { "org.opencontainers.image.ref.name": "v1" } } as Descriptor;
    };
    await attack(place, (entries) => entries.map((one) => nameIn(one) ? without(one) : one));
    const repairing = await place.open({ hooks: [signHook({ repair: true })] });
    await repairing.transaction((tx) => tx.retag("v1"));
    const { "dev.stowage.tagged": _, ...signed } = before.manifests[0]?.annotations ?? {};
    assert.deepEqual((await layout.resolve("v1")).annotations, signed);
    assert.deepEqual((await layout.resolve("v1")).platform, platform);
    // The listing gone: found by a look at all blobs. The blob gone: made anew from what the entry holds.
    await attack(place, (entries) => entries.filter((one) => nameIn(one)).map(without));
    await repairing.transaction((tx) => tx.retag("v1"));
    assert.equal(await reasonOf(place, "v1", policy), "ok");
    const [listing] = await listings(layout);
    assert.equal(listing?.digest, before.manifests.find((one) => !nameIn(one))?.digest);
    const mended = await place.read("index.json");
    await repairing.transaction((tx) => tx.retag("v1"));
    assert.equal(await place.read("index.json"), mended);
  });

  it("are not repaired from what differs, nor from keys that are not trusted", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "v1", { annotations: { team: "a" } });
    await attack(
      place,
      (entries) =>
        entries.map((one) =>
          nameIn(one)
            ? { ...stripped(one), annotations: { ...stripped(one).annotations, team: "b" } }
            : one
        ),
    );
    const picky = await place.open({ hooks: [signHook({ repair: true, keys: [l.own] })] });
    await picky.transaction((tx) => tx.retag("v1"));
    assert.equal(bindingOf(await layout.resolve("v1")), undefined);
    const repairing = await place.open({ hooks: [signHook({ repair: true, keys: [k.own] })] });
    await repairing.transaction((tx) => tx.retag("v1"));
    assert.equal((await layout.resolve("v1")).annotations?.["team"], "b");
    assert.equal(await reasonOf(place, "v1", policy), "altered_descriptor");
  });

  it("without any signature left have nothing to be repaired from", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signHook({ repair: true })] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    await attack(place, unsigned);
    const before = await place.read("index.json");
    await layout.transaction((tx) => tx.retag("v1"));
    assert.equal(await place.read("index.json"), before);
    assert.equal(await reasonOf(place, "v1", trusting([k])), "unsigned");
  });
});
