// A far store may take a document, lose its answer, and be written to by others before a second try: then it tells of a
// conflict though the text was there. Whoever swaps documents bears that.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Backend, type Layout, OciError, openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { imageOf, pushAll } from "../images.ts";
import { makePlace } from "../layouts.ts";
import { seeded } from "../s3_server/seeded.ts";
import { blunt, sleepersClock } from "./blunt.ts";
import {
  aheadBy,
  danglingIn,
  digestsOf,
  eager,
  HOUR,
  listedIn,
  pushNamed,
  storedIn,
  unlocked,
} from "./collecting.ts";

const INDEX = "index.json";
const ONCE = /^\.stowage\/gc\/\d/;

/** A store half of whose swaps are told of as conflicts after they landed and somebody built upon them. */
function lateNews(backend: Backend, other: Layout, seed: number): Backend & { told: number } {
  const random = seeded(seed);
  let others = 0;
  const far = {
    ...backend,
    told: 0,
    docs: {
      ...backend.docs,
      async swap(...[name, text, seen]: Parameters<Backend["docs"]["swap"]>) {
        const done = await backend.docs.swap(name, text, seen);
        // What is written once under a name of its own nobody builds upon.
        if (!done || ONCE.test(name) || random() < 0.5) return done;
        if (name === INDEX) await other.tag(imageOf("kept").descriptor, `other-${++others}`);
        else await backend.docs.swap(name, done.text, done);
        far.told++;
        throw new OciError("conflict", `Cannot swap "${name}": it has moved on`);
      },
    },
  };
  return far;
}

describe("a conflict after a swap has landed and was built upon", () => {
  it("costs no name, invents no conflict, and doubles nothing", async () => {
    await using place = makePlace("memory");
    const other = await place.open();
    await pushNamed(other, "kept", "main");
    const far = lateNews(await place.backend(), other, 1);
    const layout = await openLayout(far, { mode: "write" });
    const image = imageOf("mine");
    await pushAll(layout, image.config, image.layer, image);
    for (let n = 0; n < 20; n++) await layout.tag(image.descriptor, `mine-${n}`, { expect: null });
    for (let n = 0; n < 20; n += 2) {
      await layout.untag(`mine-${n}`, { expect: image.descriptor.digest });
    }
    await layout.update(image.descriptor.digest, { a: "b" });
    const names = (await listedIn(layout)).filter((name) => name.startsWith("mine-"));
    assert.equal(names.length, 10);
    assert.ok(far.told > 10);
  });

  it("is told as unknown while nobody can look", async () => {
    await using place = makePlace("memory");
    const other = await place.open();
    await pushNamed(other, "kept", "main");
    const far = lateNews(await place.backend(), other, 3);
    const load: Backend["docs"]["load"] = (...it) =>
      far.told > 0
        ? Promise.reject(new OciError("unavailable", "Cannot load: no answer"))
        : far.docs.load(...it);
    const blind = { ...far, docs: { ...far.docs, load } };
    const layout = await openLayout(blind, { mode: "write", wait: 200 });
    const { digest } = imageOf("kept").descriptor;
    const tagging = async () => {
      for (let n = 0; n < 50; n++) await layout.tag(digest, `mine-${n}`);
    };
    await assert.rejects(tagging(), { code: "unavailable", reason: "unknown" });
  });

  it("leaves a lease with one holder, and nothing once it is released", async () => {
    await using place = makePlace("memory");
    const other = await place.open();
    await pushNamed(other, "kept", "main");
    const far = lateNews(await place.backend(), other, 2);
    const layout = await openLayout(far, { mode: "write" });
    for (let n = 0; n < 20; n++) {
      await using lease = await layout.store.lock.acquire("gc");
      lease.assertHeld();
      await assert.rejects(other.store.lock.acquire("gc"), { code: "locked" });
    }
    assert.deepEqual(await Array.fromAsync(other.store.backend.docs.list(".stowage/leases/")), []);
  });

  for (const exact of [true, false]) {
    it(`lets a collection end, ${exact ? "copy by copy" : "by deadlines"}: all garbage, nothing else`, async () => {
      for (let seed = 1; seed <= 20; seed++) {
        await using place = makePlace("memory");
        const other = await place.open();
        const kept = await pushNamed(other, "kept", "main");
        const gone = imageOf(`gone ${seed}`);
        await pushAll(other, gone.config, gone.layer, gone);
        const clock = exact ? aheadBy(HOUR) : sleepersClock();
        const store = await place.backend();
        const far = lateNews(exact ? store : blunt(store, clock), other, seed);
        const layout = await openLayout(far, { mode: "write", clock });
        const { removed } = await collect(unlocked(layout.store), eager());
        assert.equal(removed.length, 3, `seed ${seed}`);
        assert.deepEqual([await storedIn(other), await danglingIn(other)], [digestsOf(kept), []]);
      }
    });
  }
});
