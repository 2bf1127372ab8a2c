import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf, type ErrorCode, type OpenMode } from "../../../core/mod.ts";
import type { TarOptions } from "../../../plugins/tar/open.ts";
import { listed, noise, put, read, utf8 } from "../../contract/suite.ts";
import { fails } from "../../fails.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { archive, MARKER, member, openAt, pax } from "./archives.ts";
import { tarStream } from "./tar_stream.ts";

const bytes = utf8("a layer");
const digest = digestOf(bytes);
const name = `blobs/sha256/${digest.slice(7)}`;
const long = digestOf(bytes, "sha512");
const longName = `blobs/sha512/${long.slice(7)}`;
const INDEX = '{"schemaVersion":2,"manifests":[]}';
const index = member({ name: "index.json", body: INDEX });

/** Writes an archive and opens it; what was noticed comes too. */
async function opened(made: Uint8Array, mode: OpenMode = "read", how: TarOptions = {}) {
  const folder = temporaryFolder();
  const path = join(folder.path, "wild.tar");
  writeFileSync(path, made);
  const notices: string[] = [];
  const options = { mode, notice: (code: string) => notices.push(code) };
  const store = await openAt(path, options, how).catch((error) => {
    folder[Symbol.dispose]();
    throw error;
  });
  return { store, path, notices, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

const base256 = (size: number) => {
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt(size), 4);
  field[0] = 0x80;
  return field;
};
const folder = (name: string) => member({ name, type: "5" });
const blob = member({ name, body: bytes });
const gnu = "ustar  \0";
const withLongName = (of: string, rest: Partial<Parameters<typeof member>[0]> = {}) =>
  Buffer.concat([
    member({ name: "././@LongLink", type: "L", magic: gnu, body: `${of}\0` }),
    member({ name: of.slice(0, 100), magic: gnu, body: bytes, ...rest }),
  ]);

describe("an archive in the wild is read", () => {
  const made: Readonly<Record<string, Uint8Array>> = {
    "with ./ before every name, and folders": archive(
      folder("./"),
      folder("./blobs/"),
      folder("./blobs/sha256/"),
      member({ name: "./oci-layout", body: '{"imageLayoutVersion":"1.0.0"}' }),
      member({ name: "./index.json", body: INDEX }),
      member({ name: `./${name}`, body: bytes }),
    ),
    "with a prefix": archive(
      MARKER,
      index,
      member({ prefix: "blobs/sha256", name: digest.slice(7), body: bytes }),
    ),
    "with GNU's long names": archive(MARKER, index, withLongName(name)),
    "with the size in 256s": archive(
      MARKER,
      index,
      member({ name, body: bytes, size: base256(bytes.length) }),
    ),
    "with the size in a record": archive(
      MARKER,
      index,
      pax({ size: `${bytes.length}`, mtime: "1.5" }),
      member({ name, body: bytes, size: "00000000000\0" }),
    ),
    "with the name in a record": archive(MARKER, index, pax({ path: name }), blob),
    "with a record for all": archive(
      pax({ comment: "x", path: "no", size: "3" }, "g"),
      MARKER,
      index,
      blob,
    ),
    "with the name of an old regular file": archive(
      MARKER,
      index,
      member({ name, body: bytes, type: "\0", magic: "\0\0\0\0\0\0\0\0" }),
    ),
    "with strangers beside": archive(
      member({ name: "manifest.json", body: "[]" }),
      member({ name: "repositories", body: "{}" }),
      member({ name: "a/link", type: "2", link: "b" }),
      member({ name: "dev", type: "3" }),
      MARKER,
      index,
      blob,
    ),
    "whose last of a name counts": archive(
      MARKER,
      member({ name: "index.json", body: "{}" }),
      member({ name, body: "an older a layer" }),
      index,
      blob,
    ),
    "padded as GNU tar does": Buffer.concat([archive(MARKER, index, blob), Buffer.alloc(10_240)]),
    "without an end": Buffer.concat([MARKER, index, blob]),
    "with half an end": Buffer.concat([MARKER, index, blob, Buffer.alloc(512)]),
  };
  for (const [what, bytesOf] of Object.entries(made)) {
    it(what, async () => {
      using found = await opened(bytesOf);
      const { store } = found;
      assert.equal((await store.docs.load("index.json"))?.text, INDEX);
      assert.deepEqual(await listed(store), [digest]);
      assert.deepEqual(await read(store, digest), new Uint8Array(bytes));
    });
    it(`${what}, appended to, deleted from and compacted`, async () => {
      using found = await opened(bytesOf, "write");
      const { store, path } = found;
      const seen = await store.docs.load("index.json");
      const next = '{"manifests":[]}';
      await store.docs.swap("index.json", next, seen);
      const copy = await store.blobs.stat(digest);
      assert.ok(copy);
      assert.equal((await store.blobs.delete([copy], { batch: "1" }))[0]?.outcome, "removed");
      assert.deepEqual(await listed(await openAt(path, { mode: "read" })), []);
      assert.equal(await store.blobs.trash?.restore("1", digest), true);
      await store.compact();
      const other = await openAt(path, { mode: "read" });
      assert.equal((await other.docs.load("index.json"))?.text, next);
      assert.deepEqual(await read(other, digest), new Uint8Array(bytes));
    });
  }

  it("with a sha512 name, ours and GNU's", async () => {
    for (const made of [withLongName(longName), Buffer.concat([pax({ path: longName }), blob])]) {
      using found = await opened(archive(MARKER, index, made), "write");
      const { store, path } = found;
      assert.deepEqual(await listed(store), [long]);
      const copy = await store.blobs.stat(long);
      assert.ok(copy);
      assert.equal((await store.blobs.delete([copy]))[0]?.outcome, "removed");
      assert.deepEqual(await listed(await openAt(path, { mode: "read" })), []);
    }
  });
});

describe("a hostile archive", () => {
  const cut = archive(MARKER, index, blob);
  const rows: readonly (readonly [string, Uint8Array, ErrorCode])[] = [
    ["of a wrong checksum", archive(member({ name: "x", checksum: "0000001\0" })), "corrupt"],
    ["of a checksum that is no number", archive(member({ name: "x", checksum: "zz" })), "corrupt"],
    ["of a size that is no number", archive(member({ name, size: "9zz" })), "corrupt"],
    ["of a negative size", archive(member({ name, size: Buffer.alloc(12, 0xff) })), "corrupt"],
    ["of a size beyond all", archive(member({ name, size: Buffer.alloc(12, 0xbf) })), "corrupt"],
    ["of a size beyond its end", archive(member({ name, size: "77777777777\0" })), "corrupt"],
    ["of a record beyond its end", archive(pax({ size: "99999999" }), blob), "corrupt"],
    ["of a negative record", archive(pax({ size: "-1" }), blob), "corrupt"],
    [
      "of a record without a length",
      archive(member({ name: "x", type: "x", body: "zz" })),
      "corrupt",
    ],
    [
      "of a huge record",
      archive(member({ name: "x", type: "x", body: "1".repeat(2 << 20) })),
      "corrupt",
    ],
    ["of endless records", archive(...Array(100).fill(pax({ comment: "x" })), blob), "corrupt"],
    ["of a record before nothing", archive(pax({ comment: "x" })), "corrupt"],
    ["of data behind a zero block", Buffer.concat([MARKER, Buffer.alloc(512), index]), "corrupt"],
    ["that is text", Buffer.from("hello ".repeat(200)), "invalid"],
    ["that is short", Buffer.from("hello"), "invalid"],
    ["that is a torn gzip", gzipSync(cut).subarray(0, 60), "corrupt"],
    ["that is bzip2", Buffer.from("BZh91AY&SY....................."), "unsupported"],
  ];
  for (const [what, made, code] of rows) {
    it(`${what} is ${code}`, async () => {
      await fails(opened(made).then((found) => found[Symbol.dispose]()), code);
    });
  }

  it("cut at any byte is read as far as it is whole, or is corrupt", async () => {
    for (let length = 0; length < cut.length; length += 64) {
      // All bodies are shorter than a step; what fills their blocks may be missing.
      const inMembers = length <= cut.length - 1024;
      const whole = inMembers
        ? length % 1024 === 0 || length % 1024 > 512
        : length >= cut.length - 512;
      const work = opened(cut.subarray(0, length)).then((found) => found[Symbol.dispose]());
      if (whole) await work;
      else await fails(work, length < 512 ? "invalid" : "corrupt");
    }
  });

  it("of names that lead out is read without them, and tells so", async () => {
    const names = ["../x", "/etc/passwd", `../${name}`, "a\\b", `blobs/../${name}`];
    using found = await opened(archive(MARKER, index, ...names.map((name) => member({ name }))));
    assert.deepEqual(found.notices, ["hostile_names"]);
    assert.deepEqual(await listed(found.store), []);
  });

  const holes = Buffer.concat([pax({ "GNU.sparse.major": "1" }), blob]);
  const strange = {
    "a symbolic link": member({ name, type: "2", link: "/etc/passwd" }),
    "a hard link": member({ name, type: "1", link: "index.json" }),
    "a file with holes": holes,
    "a link behind a file": Buffer.concat([blob, member({ name, type: "2", link: "index.json" })]),
  };
  for (const [what, made] of Object.entries(strange)) {
    it(`of which a blob is ${what} says so and what to do, is added to, and not compacted`, async () => {
      using found = await opened(archive(MARKER, index, made), "write");
      const { store, notices, path } = found;
      assert.deepEqual(notices, ["links"]);
      for (const work of [store.blobs.stat(digest), store.blobs.read(digest)]) {
        await fails(work, "unsupported", /link.*; pack it anew, with tar --dereference/);
      }
      assert.deepEqual(await listed(store), []);
      const other = await put(store, utf8("another"));
      await store.docs.swap("index.json", "{}", await store.docs.load("index.json"));
      await fails(store.compact(), "unsupported", new RegExp(name));
      assert.deepEqual(await listed(await openAt(path, { mode: "read" })), [other.digest]);
    });
  }

  it("of which a document is a link gives none", async () => {
    using found = await opened(
      archive(MARKER, member({ name: "index.json", type: "2", link: "x" })),
      "write",
    );
    const { store } = found;
    await fails(store.docs.load("index.json"), "unsupported", /pack it anew/);
    await fails(store.docs.swap("index.json", "{}", undefined), "unsupported");
    await fails(store.compact(), "unsupported");
  });

  it("of which a link is no part of the layout is read, and says that a compaction leaves it out", async () => {
    const link = member({ name: "a/link", type: "2", link: "/etc/passwd" });
    using found = await opened(archive(MARKER, index, blob, link), "write");
    assert.deepEqual(found.notices, ["links"]);
    await found.store.compact();
    assert.equal(readFileSync(found.path).includes("/etc/passwd"), false);
    assert.deepEqual(await listed(found.store), [digest]);
  });

  it("that is a folder, or a pipe nobody writes to, is invalid at once", async () => {
    using folder = temporaryFolder();
    const pipe = join(folder.path, "pipe.tar");
    assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
    for (const path of [pipe, folder.path]) await fails(openAt(path, { mode: "read" }), "invalid");
  });

  it("that inflates without end is refused", async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20));
    await fails(opened(bomb, "read", { mostInflated: 1 << 20 }), "size_exceeded");
  });
});

it("with files of others in it, they are kept as they are, whatever they hold", async () => {
  const binary = noise(70_000);
  const others = [
    member({ name: "layer.tar", body: binary }),
    pax({ path: "d\u00e9/\u6587\u4ef6" }),
    member({ name: "x", body: binary }),
  ];
  for (const layout of [[MARKER, index], [MARKER, index, blob]]) {
    using found = await opened(archive(...layout, ...others), "write");
    const { store, path } = found;
    const seen = await store.docs.load("index.json");
    await store.docs.swap("index.json", '{"manifests":[]}', seen);
    await store.compact();
    const files = await tarStream.read(new Uint8Array(readFileSync(path)));
    for (const name of ["layer.tar", "d\u00e9/\u6587\u4ef6"]) {
      assert.deepEqual(files.find((file) => file.name === name)?.body, binary, name);
    }
  }
});

it("with a name too long for a folder beside it, it is read, and says why it is not written to", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, `${"x".repeat(250)}.tar`);
  writeFileSync(path, archive(MARKER, index, blob));
  const store = await openAt(path, { mode: "read" });
  assert.deepEqual(await listed(store), [digest]);
  assert.deepEqual(await read(store, digest), new Uint8Array(bytes));
  for (const mode of ["write", "create"] as const) {
    await fails(openAt(path, { mode }), "invalid", /give it a shorter one$/);
  }
});

it("compressed as a whole it is read, said so, and not written to", async () => {
  const plain = archive(MARKER, index, blob);
  for (const made of [gzipSync(plain), zstdCompressSync(plain)]) {
    using found = await opened(made);
    assert.deepEqual(await read(found.store, digest), new Uint8Array(bytes));
    assert.deepEqual(found.notices, ["compressed"]);
    await found.store[Symbol.asyncDispose]();
    await fails(openAt(found.path, { mode: "write" }), "read_only");
  }
});
