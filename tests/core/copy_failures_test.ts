import assert from "node:assert/strict";
import { it } from "node:test";
import {
  type Backend,
  copy,
  type Digest,
  digestOf,
  type Hook,
  MANIFEST_TYPE,
  openLayout,
} from "../../core/mod.ts";
import { noise, put } from "../contract/suite.ts";
import { counted, declining, first, names, second, source } from "../copies.ts";
import { fails } from "../fails.ts";
import { broken, contentsOf, withBlobs, withIngests } from "../faults.ts";
import { blobOf, jsonOf, LAYER_TYPE, pushAll, utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";

everyLayout("a copy that fails", (place) => {
  /** Errors name the side and the blob; no name moves; the next copy goes on. */
  async function failsAt(
    side: "from" | "to",
    change: (backend: Backend) => Backend,
    code: Parameters<typeof fails>[1],
  ) {
    await using a = place();
    await using b = place();
    await source(a);
    await b.open();
    const backends = { from: await a.backend(), to: declining(await b.backend()) };
    backends[side] = change(backends[side]);
    const from = await openLayout(backends.from);
    const to = await openLayout(backends.to, { mode: "write" });
    const error = await fails(copy(from, "v1", to), code);
    assert.equal(error.url, side === "from" ? a.url.href : b.url.href);
    assert.equal(error.digest, first.layer.descriptor.digest);
    assert.deepEqual(await names(to), []);
    await copy(await a.open(), "v1", await b.open());
    assert.deepEqual(await names(to), ["v1"]);
  }
  const { digest, size } = first.layer.descriptor;
  const failing = <T>(one: Digest, real: () => Promise<T>) =>
    one === digest ? Promise.reject(broken()) : real();

  it("because the source cannot be looked at", () =>
    failsAt(
      "from",
      (it) => withBlobs(it, ({ stat }) => ({ stat: (one) => failing(one, () => stat(one)) })),
      "unavailable",
    ));

  it("because the source cannot be opened", () =>
    failsAt(
      "from",
      (it) =>
        withBlobs(it, ({ read }) => ({
          read: (one, range) => failing(one, () => read(one, range)),
        })),
      "unavailable",
    ));

  it("because the source breaks off", () =>
    failsAt("from", (it) =>
      withBlobs(it, ({ read }) => ({
        read: async (one, range) =>
          one === digest
            ? new ReadableStream({ pull: (c) => c.error(broken()) })
            : await read(one, range),
      })), "unavailable"));

  it("because the source is damaged", () =>
    failsAt("from", (it) =>
      withBlobs(it, ({ read }) => ({
        read: async (one, range) =>
          one === digest ? new Blob([noise(size)]).stream() : await read(one, range),
      })), "corrupt"));

  it("because the source has another size", () =>
    failsAt("from", (it) =>
      withBlobs(it, ({ stat }) => ({
        stat: async (one) => one === digest ? { digest, size: 1 } : await stat(one),
      })), "corrupt"));

  it("because a blob vanished from the source", () =>
    failsAt("from", (it) =>
      withBlobs(it, ({ stat }) => ({
        stat: async (one) => one === digest ? undefined : await stat(one),
      })), "not_found"));

  it("because the target cannot be looked at", () =>
    failsAt(
      "to",
      (it) => withBlobs(it, ({ stat }) => ({ stat: (one) => failing(one, () => stat(one)) })),
      "unavailable",
    ));

  it("because the target's disk is full", () =>
    failsAt("to", (it) =>
      withIngests(it, (ingest) => ({
        commit: (blob) => failing(blob.digest, () => ingest.commit(blob)),
      })), "unavailable"));

  it("because adopting fails", () =>
    failsAt("to", (it) =>
      withBlobs(it, () => ({
        adopt: async (_, blob) => await failing(blob.digest, () => Promise.resolve(false)),
      })), "unavailable"));

  it("because a damaged copy cannot be removed", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    await copy(layout, "v1", await b.open());
    await (await b.open()).delete(digest, { force: true });
    await put(await b.backend(), noise(size), digest);
    const stuck = withBlobs(await b.backend(), () => ({
      delete: (seen) => Promise.resolve(seen.map(({ digest }) => ({ digest, outcome: "unknown" }))),
    }));
    const to = await openLayout(stuck, { mode: "write" });
    const error = await fails(copy(layout, "v1", to, { deep: "verify" }), "unavailable");
    assert.deepEqual([error.url, error.digest], [b.url.href, digest]);
  });

  it("because a hook of the target refuses, or of the source", async () => {
    await using a = place();
    await using b = place();
    await source(a);
    const refuse = () => {
      throw new Error("unsigned");
    };
    const tagging: Hook = { name: "policy", beforeTag: refuse };
    const reading: Hook = { name: "policy", beforeRead: refuse };
    const to = await b.open({ hooks: [tagging] });
    const error = await fails(copy(await a.open(), "v1", to), "refused", /unsigned/);
    assert.equal(error.url, b.url.href);
    const other = await fails(
      copy(await a.open({ hooks: [reading] }), "v1", await b.open()),
      "refused",
    );
    assert.equal(other.url, a.url.href);
    assert.deepEqual(await names(to), []);
    await copy(await a.open({ hooks: [reading] }), first.descriptor.digest, await b.open());
  });

  it("because a manifest of the source is broken tells the way to it", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    await put(await a.backend(), utf8("cut"), second.descriptor.digest);
    const error = await fails(copy(layout, "v1", await b.open()), "corrupt", /v1 > manifest 2/);
    assert.deepEqual([error.url, error.digest], [a.url.href, second.descriptor.digest]);
  });

  it("begins nothing more, and ends what runs", async () => {
    await using a = place();
    await using b = place();
    const layout = await a.open();
    const layers = Array.from({ length: 50 }, (_, n) => blobOf(`layer ${n}`, LAYER_TYPE));
    const image = jsonOf({
      mediaType: MANIFEST_TYPE,
      config: first.config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    }, MANIFEST_TYPE);
    await pushAll(layout, first.config, ...layers, image);
    await layout.tag(image.descriptor, "v1");
    let begun = 0;
    const backend = withBlobs(await a.backend(), ({ read }) => ({
      async read(digest, range) {
        if (digest === image.descriptor.digest) return await read(digest, range);
        // The third fails, the others stall: they are not waited for.
        if (++begun === 3) throw broken();
        return new ReadableStream({ pull: () => new Promise(() => {}) });
      },
    }));
    let looked = 0;
    const counting = withBlobs(declining(await b.backend()), ({ stat }) => ({
      stat: (digest) => (looked++, stat(digest)),
    }));
    const to = await openLayout(counting, { mode: "create" });
    await fails(copy(await openLayout(backend), "v1", to, { jobs: 4 }), "unavailable");
    assert.ok(looked < 20, `${looked} were looked at`);
    assert.ok(begun <= 4, `${begun} were begun`);
    assert.deepEqual(await contentsOf(await b.backend()), { blobs: [], drafts: [] });
  });

  it("by a signal of either side is aborted", async () => {
    for (const side of ["from", "to"] as const) {
      await using a = place();
      await using b = place();
      await source(a);
      await b.open();
      const stop = new AbortController();
      const options = (own: string) => side === own ? { signal: stop.signal } : {};
      const stalling = withBlobs(await a.backend(), ({ read }) => ({
        read: async (digest, range) =>
          digest === first.layer.descriptor.digest
            ? new ReadableStream({ pull: () => new Promise(() => {}) })
            : await read(digest, range),
      }));
      const from = await openLayout(stalling, options("from"));
      const to = await openLayout(declining(await b.backend()), {
        mode: "write",
        ...options("to"),
      });
      const copying = copy(from, "v1", to);
      setTimeout(() => stop.abort(), 20);
      await fails(copying, "aborted");
      assert.deepEqual(await names(await b.open()), []);
    }
  });

  it("asks for at least one job", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    for (const jobs of [0, -1, 0.5, Number.NaN]) {
      await fails(copy(layout, "v1", await b.open(), { jobs }), "invalid");
    }
  });
});

everyLayout("a copy of large blobs", (place) => {
  it("stopped half-way goes on where it was, and stores nothing twice", async () => {
    await using a = place();
    await using b = place();
    const layout = await a.open();
    const bytes = new Uint8Array(20 << 20).fill(7);
    const big = {
      bytes,
      descriptor: { mediaType: LAYER_TYPE, digest: digestOf(bytes), size: bytes.length },
    };
    const image = jsonOf({
      mediaType: MANIFEST_TYPE,
      config: first.config.descriptor,
      layers: [first.layer.descriptor, big.descriptor],
    }, MANIFEST_TYPE);
    await pushAll(layout, first.config, first.layer, big, image);
    await layout.tag(image.descriptor, "v1");
    let passed = 0;
    const breaking = withBlobs(await a.backend(), ({ read }) => ({
      async read(digest, range) {
        const stream = await read(digest, range);
        if (digest !== big.descriptor.digest) return stream;
        return stream.pipeThrough(
          new TransformStream({
            transform(chunk, controller) {
              if ((passed += chunk.length) > 9 << 20) controller.error(broken());
              else controller.enqueue(chunk);
            },
          }),
        );
      },
    }));
    const to = await openLayout(declining(await b.backend()), { mode: "create" });
    await fails(copy(await openLayout(breaking), "v1", to, { jobs: 1 }), "unavailable");
    const [half] = await to.statuses("ref~=^copy/");
    assert.ok(
      half && half.offset > 5 << 20 && half.offset < 10 << 20,
      `${half?.offset} bytes are there`,
    );
    assert.deepEqual(await names(to), []);

    const { over, seen } = counted(await a.backend());
    const { tally } = await copy(await openLayout(over), "v1", to);
    assert.deepEqual([tally.resumed, tally.skipped], [1, 2]);
    assert.equal(tally.sentBytes, big.bytes.length - half.offset + image.bytes.length);
    assert.ok(
      seen.bytes < big.bytes.length - half.offset + 10_000,
      `${seen.bytes} bytes were read`,
    );
    assert.deepEqual(await to.statuses(), []);
    assert.deepEqual(await to.fetchAll(big.descriptor, { limit: 1 << 30 }), big.bytes);
  });

  it("by two at once moves each blob once", async () => {
    await using a = place();
    await using b = place();
    const layout = await a.open();
    const bytes = new Uint8Array(17 << 20);
    const { descriptor } = await layout.push({ mediaType: LAYER_TYPE }, bytes);
    await layout.tag(descriptor, "big");
    const to = declining(await b.backend());
    const copies = [
      await openLayout(to, { mode: "create" }),
      await openLayout(to, { mode: "create" }),
    ];
    const reports = await Promise.all(copies.map((target) => copy(layout, "big", target)));
    assert.deepEqual(reports.map(({ tally }) => tally.sent + tally.skipped), [1, 1]);
    assert.equal(reports.reduce((all, { tally }) => all + tally.sent, 0), 1);
  });
});
