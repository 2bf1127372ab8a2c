// The shapes that other tools give a layout, as they write them: each is opened, listed, resolved, retagged and copied,
// and what its tool needs is still there afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Backend,
  copy,
  createRegistry,
  type Descriptor,
  digestOf,
  openLayout,
} from "../mod.ts";
import { collect } from "../plugins/gc/collect.ts";
import { memory } from "../plugins/memory/mod.ts";
import { aheadBy, eager, HOUR } from "./gc/collecting.ts";

const OCI = "application/vnd.oci.image";
const REF = "org.opencontainers.image.ref.name";
const IMAGE = "io.containerd.image.name";
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Builds the blobs of a fixture and remembers them by digest. */
function blobs() {
  const stored = new Map<string, Uint8Array>();
  const blob = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes);
    stored.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const image = (text: string, more: Record<string, unknown> = {}) => {
    const layer = blob(`${OCI}.layer.v1.tar`, new TextEncoder().encode(text));
    const config = blob(`${OCI}.config.v1+json`, encode({ os: "linux", architecture: "amd64" }));
    const type = `${OCI}.manifest.v1+json`;
    return blob(
      type,
      encode({ schemaVersion: 2, mediaType: type, config, layers: [layer], ...more }),
    );
  };
  const index = (manifests: Descriptor[]) => {
    const type = `${OCI}.index.v1+json`;
    return blob(type, encode({ schemaVersion: 2, mediaType: type, manifests }));
  };
  return { stored, blob, image, index };
}

const named = (entry: Descriptor, annotations: Record<string, string>) => ({
  ...entry,
  annotations,
});
const tagOf = ({ digest }: Descriptor) => digest.replace(":", "-");

interface Fixture {
  readonly index: unknown;
  readonly stored: Map<string, Uint8Array>;
  /** The names that are listed. */
  readonly names: readonly string[];
  /** Nodes that are missing by design. */
  readonly sparse?: boolean;
  readonly marker?: false;
}

const FIXTURES: Record<string, () => Fixture> = {
  // As skopeo 1.x leaves it after two runs of "copy --all" to one name.
  "skopeo: a full name in ref.name alone, moved from one list of platforms to another": () => {
    const { stored, image, index } = blobs();
    const [before, now] = ["before", "now"].map((text) =>
      index(["amd64", "arm64"].map((architecture) => ({
        ...image(`${text} on ${architecture}`),
        platform: { os: "linux", architecture },
      })))
    );
    assert.ok(before && now);
    const manifests = [before, named(now, { [REF]: "reg.example/app:latest" })];
    return { stored, index: { schemaVersion: 2, manifests }, names: ["reg.example/app:latest"] };
  },
  "crane: duplicates of one image, a full name, no oci-layout": () => {
    const { stored, image } = blobs();
    const one = image("one");
    const manifests = [one, one, named(one, { [REF]: "reg.example/app:v1" })];
    return {
      stored,
      index: { schemaVersion: 2, manifests },
      names: ["reg.example/app:v1"],
      marker: false,
    };
  },
  "regctl: a fallback tag that lists referrers, entries with a time": () => {
    const { stored, image, index } = blobs();
    const one = image("one");
    const note = image("note", { subject: one, artifactType: "application/vnd.note" });
    const manifests = [
      named(one, { [REF]: "v1", "org.opencontainers.image.created": "2026-01-01T00:00:00Z" }),
      named(index([note]), { [REF]: tagOf(one) }),
    ];
    return { stored, index: { schemaVersion: 2, manifests }, names: [tagOf(one), "v1"] };
  },
  "oras: every manifest listed, children too, in any order": () => {
    const { stored, image, index } = blobs();
    const [amd64, arm64] = [image("amd64"), image("arm64")];
    const all = index([
      { ...amd64, platform: { os: "linux", architecture: "amd64" } },
      { ...arm64, platform: { os: "linux", architecture: "arm64" } },
    ]);
    const note = image("note", { subject: all });
    return {
      stored,
      index: { schemaVersion: 2, manifests: [arm64, note, named(all, { [REF]: "v1" }), amd64] },
      names: ["v1"],
    };
  },
  "oras: emptied, so that manifests is null": () => ({
    stored: new Map(),
    index: { schemaVersion: 2, manifests: null },
    names: [],
  }),
  "BuildKit: an image with an attestation, full and short name": () => {
    const { stored, image, index } = blobs();
    const one = image("one");
    const attestation = {
      ...image("attestation"),
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": one.digest,
      },
    };
    const all = index([attestation, { ...one, platform: { os: "linux", architecture: "amd64" } }]);
    const entry = named(all, { [IMAGE]: "docker.io/library/app:v1", [REF]: "v1" });
    return {
      stored,
      index: { schemaVersion: 2, manifests: [entry] },
      names: ["docker.io/library/app:v1"],
    };
  },
  "BuildKit: a cache whose manifests are layers, exported twice": () => {
    const { stored, blob, index } = blobs();
    const cache = index([
      blob("application/vnd.oci.image.layer.v1.tar+gzip", encode("layer")),
      blob("application/vnd.buildkit.cacheconfig.v0", encode({ layers: [] })),
    ]);
    return {
      stored,
      index: { schemaVersion: 2, manifests: [cache, named(cache, { [REF]: "latest" })] },
      names: ["latest"],
    };
  },
  "docker save: one platform of an index stored, the others missing": () => {
    const { stored, image, index } = blobs();
    const [here, elsewhere] = [image("here"), blobs().image("elsewhere")];
    const all = index([
      { ...elsewhere, platform: { os: "linux", architecture: "arm64" } },
      { ...here, platform: { os: "linux", architecture: "amd64" } },
    ]);
    const entry = named(all, { [IMAGE]: "docker.io/library/app:latest", [REF]: "latest" });
    return {
      stored,
      index: { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: [entry] },
      names: ["docker.io/library/app:latest"],
      sparse: true,
    };
  },
  // As "ctr images export --platform" writes it: the list as it was pulled, with where it came from.
  "containerd: an export of one platform under two names, of the types of docker": () => {
    const { stored, blob } = blobs();
    const docker = "application/vnd.docker.distribution.manifest";
    const made = (build: ReturnType<typeof blobs>["blob"], architecture: string) => ({
      ...build(
        `${docker}.v2+json`,
        encode({
          schemaVersion: 2,
          mediaType: `${docker}.v2+json`,
          config: build(
            "application/vnd.docker.container.image.v1+json",
            encode({ os: "linux", architecture }),
          ),
          layers: [
            build("application/vnd.docker.image.rootfs.diff.tar.gzip", encode(architecture)),
          ],
        }),
      ),
      platform: { os: "linux", architecture },
    });
    const manifests = [made(blob, "amd64"), made(blobs().blob, "arm64")];
    const type = `${docker}.list.v2+json`;
    const list = blob(type, encode({ schemaVersion: 2, mediaType: type, manifests }));
    const names = ["docker.io/library/app:1", "docker.io/library/app:latest"];
    const entries = names.map((name) =>
      named(list, {
        "containerd.io/distribution.source.docker.io": "library/app",
        [IMAGE]: name,
        [REF]: name.slice(name.lastIndexOf(":") + 1),
      })
    );
    return { stored, index: { schemaVersion: 2, manifests: entries }, names, sparse: true };
  },
  "containerd: a referrer tied to its subject by an annotation": () => {
    const { stored, image } = blobs();
    const one = image("one");
    const manifests = [
      named(one, { [IMAGE]: "docker.io/library/app:v2", [REF]: "v2" }),
      named(image("note"), { "io.containerd.manifest.subject": one.digest }),
    ];
    return { stored, index: { schemaVersion: 2, manifests }, names: ["docker.io/library/app:v2"] };
  },
};

/** A place in memory that holds a fixture. */
async function place({ index, stored, marker }: Fixture): Promise<Backend> {
  const backend = await createRegistry([memory()]).open(new URL("mem:fixture"), {
    mode: "create",
    durability: "none",
    wait: 1000,
    clock: {
      now: () => Date.now(),
      elapsed: () => performance.now(),
      random: Math.random,
      sleep: () => Promise.resolve(),
    },
    notice: () => {},
  });
  for (const [digest, bytes] of stored) {
    await using ingest = await backend.blobs.ingest();
    const writer = ingest.writable.getWriter();
    await writer.write(bytes);
    writer.releaseLock();
    await ingest.commit({ digest: digest as Descriptor["digest"], size: bytes.length });
  }
  await backend.docs.swap("index.json", JSON.stringify(index), undefined);
  if (marker !== false) {
    await backend.docs.swap("oci-layout", '{"imageLayoutVersion":"1.0.0"}', undefined);
  }
  return backend;
}

for (const [shape, make] of Object.entries(FIXTURES)) {
  test(`${shape}: opened, retagged and copied, nothing lost`, async () => {
    const fixture = make();
    const entries = (fixture.index as { manifests: Descriptor[] | null }).manifests ?? [];
    const backend = await place(fixture);
    await using store = await openLayout(backend, {
      mode: fixture.marker === false ? "create" : "write",
    });
    assert.deepEqual((await store.references()).map(({ name }) => name), fixture.names);
    for (const name of fixture.names) {
      const found = await store.resolve(name);
      assert.ok(entries.some(({ digest }) => digest === found.digest));
      await store.tag(name, "mine");
      assert.equal((await store.resolve("mine")).digest, found.digest);
    }
    const after = (await store.index()).manifests;
    const { digest: mine } = after.at(-1) ?? {};
    // An untagged entry that says no more than a tagged one of its digest is no loss.
    const kept = entries.filter((entry) => entry.annotations || entry.digest !== mine);
    assert.deepEqual(after.slice(0, kept.length), kept, "foreign entries are as they were");
    await using twin = await openLayout("mem:", {
      mode: "create",
      registry: createRegistry([memory()]),
    });
    const sparse = fixture.sparse === true;
    if (sparse) await assert.rejects(copy(store, undefined, twin), { code: "not_found" });
    const { copied } = await copy(store, undefined, twin, { sparse });
    assert.equal(copied.length, after.length);
    for (const { name, descriptor } of await store.references()) {
      assert.equal((await twin.resolve(name)).digest, descriptor.digest);
    }
    const stored = (layout: typeof store) => Array.fromAsync(layout.walk(), ({ digest }) => digest);
    assert.deepEqual(await stored(twin), await stored(store));
  });
}

for (const [shape, make] of Object.entries(FIXTURES)) {
  test(`${shape}: a collection without grace takes what nothing needs, and nothing else`, async () => {
    const fixture = make();
    const backend = await place(fixture);
    await using store = await openLayout(backend, { mode: "create", clock: aheadBy(HOUR) });
    const before = await store.index();
    await store.push({}, encode("nobody needs this"));
    await collect(store.store, eager());
    const stored = await Array.fromAsync(store.walk(), ({ digest }) => digest);
    assert.deepEqual(stored.sort(), [...fixture.stored.keys()].sort());
    assert.deepEqual((await store.index()).manifests, before.manifests);
  });
}
