// Archives on a disk that fills at any point of what is done with them, as Python and GNU tar find them then.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { collectGarbage, copy, isOciError, type Layout, openLayout } from "../../mod.ts";
import { noise } from "../contract/suite.ts";
import { jsonOf, pushAll } from "../images.ts";
import { openAt } from "../plugins/tar/archives.ts";
import { alone, empty, filled, onSmallDisk } from "./small_disk.ts";
import { run, scratch } from "./tools.ts";

const PAGE = 4096;
const LAYER = { mediaType: "application/vnd.oci.image.layer.v1.tar" };

/** Prints the names that Python finds in the index of each archive, if all blobs in it hash to their names. */
const PYTHON = `
import hashlib, json, sys, tarfile
for path in sys.argv[1:]:
    with tarfile.open(path) as t:
        for m in t.getmembers():
            if m.isfile() and m.name.startswith("blobs/"):
                assert hashlib.sha256(t.extractfile(m).read()).hexdigest() == m.name[13:], m.name
        entries = json.load(t.extractfile("index.json"))["manifests"]
        print(" ".join(sorted(e["annotations"]["org.opencontainers.image.ref.name"] for e in entries)))
`;

async function pushImage(store: Layout, name: string, seed: number): Promise<void> {
  const layer = await store.push(LAYER, noise(60_000, seed));
  const config = jsonOf({ seed }, "application/vnd.oci.image.config.v1+json");
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const members = { config: config.descriptor, layers: [layer.descriptor] };
  const manifest = jsonOf({ schemaVersion: 2, mediaType, ...members }, mediaType);
  await pushAll(store, config, manifest);
  await store.tag(manifest.descriptor, name);
}

/** A directory of images, and an archive of one of them and of what a second one has left. */
async function prepared() {
  const folder = await scratch();
  const [source, archive] = [join(folder, "source"), join(folder, "a.tar")];
  await using store = await openLayout(source, { mode: "create" });
  for (const seed of [1, 2, 3]) await pushImage(store, `v${seed}`, seed);
  await using target = await openLayout(archive, { mode: "create" });
  for (const name of ["v1", "v2"]) await copy(store, name, target);
  await target.untag("v2");
  return { folder, source, archive };
}

type Edit = (path: string, source: string) => Promise<unknown>;
const edits: Readonly<Record<string, Edit>> = {
  async "a push"(path) {
    await using archive = await openLayout(path, { mode: "write" });
    await pushImage(archive, "new", 4);
  },
  async "forty tags"(path) {
    await using archive = await openLayout(path, { mode: "write" });
    const names = Array.from({ length: 40 }, (_, n) => `name-${n}-${"x".repeat(100)}`);
    await archive.tag("v1", names);
  },
  async "a copy"(path, source) {
    await using store = await openLayout(source);
    await using archive = await openLayout(path, { mode: "write" });
    await copy(store, "v3", archive);
  },
  async "a collection"(path) {
    await using archive = await openLayout(path, { mode: "write" });
    await collectGarbage(archive, { policy: { grace: 0, maxDrop: 100 } });
  },
  async "a compaction"(path) {
    await using archive = await openAt(path, { mode: "write" });
    await archive.compact();
  },
};

/** The names in an archive, all of whose images are read and verified. */
async function namesIn(path: string): Promise<string> {
  await using archive = await openLayout(path);
  const names = (await archive.references()).map(({ name }) => name ?? "");
  for (const name of names) {
    const manifest = await archive.resolve(name);
    await archive.fetchAll(manifest);
    for (const child of await archive.children(manifest)) await archive.fetchAll(child);
  }
  return names.sort().join(" ");
}

function assertTidy(path: string): void {
  const tmp = join(`${path}.stowage`, "tmp");
  assert.deepEqual(existsSync(tmp) ? readdirSync(tmp) : [], []);
}

describe("a disk that fills at any point", alone, () => {
  for (const [name, edit] of Object.entries(edits)) {
    it(`of ${name} leaves an archive as before or as after, for us, Python and GNU tar`, async () => {
      const { folder, source, archive } = await prepared();
      const [paths, wanted]: [string[], string[]] = [[], []];
      const before = await namesIn(archive);
      await onSmallDisk(async (disk) => {
        const path = join(disk, "a.tar");
        let failures = 0;
        for (let room = 0, done = false; !done; room += PAGE) {
          empty(disk);
          copyFileSync(archive, path);
          {
            using _ = filled(disk, room);
            try {
              await edit(path, source);
              done = true;
            } catch (error) {
              if (!isOciError(error, "unavailable")) throw error;
              assert.match(error.message, /make room there and try again$/);
              assert.equal(error.reason, undefined, "whether it was done is known");
              failures++;
            }
            assertTidy(path);
            const names = await namesIn(path);
            if (!done) assert.equal(names, before);
            paths.push(join(folder, `${room}.tar`));
            wanted.push(names);
            copyFileSync(path, join(folder, `${room}.tar`));
          }
          await edit(path, source);
          assert.equal((await namesIn(path)).length >= before.length, true);
          assertTidy(path);
        }
        assert.ok(failures > 0, "the disk was never full");
      });
      assert.deepEqual(run("python3", ["-c", PYTHON, ...paths]).trim().split("\n"), wanted);
      const out = join(folder, "out");
      await mkdir(out);
      for (const path of paths) run("tar", ["-xf", path, "-C", out]);
    });
  }

  it("of a new archive leaves nothing in its place, or an empty layout", async () => {
    const { source } = await prepared();
    await onSmallDisk(async (disk) => {
      const path = join(disk, "new.tar");
      const make = async () => {
        await using store = await openLayout(source);
        await using archive = await openLayout(path, { mode: "create" });
        await copy(store, "v3", archive);
      };
      for (let room = 0, done = false; !done; room += PAGE) {
        empty(disk);
        {
          using _ = filled(disk, room);
          done = await make().then(() => true, (error) => {
            if (!isOciError(error, "unavailable")) throw error;
            return false;
          });
          assertTidy(path);
          if (existsSync(path)) run("tar", ["-tf", path]);
        }
        if (!done) await make();
        assert.equal(await namesIn(path), "v3");
      }
    });
  });
});
