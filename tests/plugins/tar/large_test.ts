// Sizes that octal digits have no room for, in files with holes: 12 GiB that take no room.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { closeSync, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Digest } from "../../../core/mod.ts";
import { headersOf } from "../../../plugins/tar/pax.ts";
import { assertStored, bytesOf, put, utf8 } from "../../contract/suite.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { archive, MARKER, member, openAt, pax } from "./archives.ts";

const SIZE = 12 * 2 ** 30;
const digest: Digest = `sha256:${"ab".repeat(32)}`;
const name = `blobs/sha256/${"ab".repeat(32)}`;
const INDEX = '{"schemaVersion":2,"manifests":[]}';
const END = "the last bytes of it";

const base256 = Buffer.alloc(12);
base256.writeBigUInt64BE(BigInt(SIZE), 4);
base256[0] = 0x80;

const HEADERS: Readonly<Record<string, Uint8Array>> = {
  "as we write them": headersOf({ name, size: SIZE }),
  "in a PAX record, the field left at nothing": Buffer.concat([
    pax({ size: `${SIZE}` }),
    member({ name, size: "00000000000\0" }),
  ]),
  "in a PAX record, the field cut to what fits": Buffer.concat([
    pax({ size: `${SIZE}` }),
    member({ name, size: (SIZE % 8 ** 11).toString(8).padStart(11, "0") + "\0" }),
  ]),
  "in 256s, as GNU tar writes them": member({ name, size: base256, magic: "ustar  \0" }),
};

/** Writes an archive that holds the blob and, behind it, the index. */
function writeLarge(path: string, headers: Uint8Array): void {
  const fd = openSync(path, "w");
  const before = Buffer.concat([MARKER, headers]);
  const end = before.length + SIZE;
  writeSync(fd, before, 0, before.length, 0);
  writeSync(fd, Buffer.from(END), 0, END.length, end - END.length);
  const after = archive(member({ name: "index.json", body: INDEX }));
  writeSync(fd, after, 0, after.length, end);
  ftruncateSync(fd, end + after.length);
  closeSync(fd);
}

describe("a blob of 12 GiB", () => {
  for (const [how, headers] of Object.entries(HEADERS)) {
    it(`whose size is said ${how} is read at any place, and grown behind`, async () => {
      using folder = temporaryFolder();
      const path = join(folder.path, "large.tar");
      writeLarge(path, headers);
      await using store = await openAt(path, { mode: "write" });
      const isRight = async () => {
        await using other = await openAt(path, { mode: "read" });
        assert.equal((await other.blobs.stat(digest))?.size, SIZE);
        const range = { start: SIZE - END.length, end: SIZE + 1000 };
        const last = await bytesOf(await other.blobs.read(digest, range));
        assert.equal(new TextDecoder().decode(last), END);
      };
      await isRight();
      const seen = await store.docs.load("index.json");
      assert.equal(seen?.text, INDEX);
      await put(store, utf8("one more"));
      await store.docs.swap("index.json", '{"manifests":[]}', seen);
      await isRight();
      await assertStored(store, utf8("one more"));
      assert.ok(statSync(path).size < SIZE + 20 * 512, "it was not written anew");
      const { after } = await store.sizes();
      assert.ok(after > SIZE && after < SIZE + 20 * 512, `${after} bytes`);
    });
  }
});
