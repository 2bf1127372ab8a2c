import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  chunksOf,
  createDisk,
  docFiles,
  fileError,
  fileLock,
  fileStream,
  fileWriter,
  steadyTime,
  systemClock,
  unlessMissing,
} from "../../../core/mod.ts";
import { clampRange } from "../../../core/local/file_stream.ts";
import { fakeClock } from "../../contract/clock.ts";
import { bytesOf, noise } from "../../contract/suite.ts";
import { fails } from "../../fails.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const system = (errno: string, words = "something") =>
  Object.assign(new Error(`${errno}: ${words}, open '/some/path'`), { code: errno });

for (
  const [errno, writing, reading] of [
    ["ENOENT", "not_found", "not_found"],
    ["EEXIST", "already_exists", "already_exists"],
    ["ENOTDIR", "invalid", "invalid"],
    ["ELOOP", "unsupported", "unsupported"],
    ["EXDEV", "unsupported", "unsupported"],
    ["EROFS", "read_only", "read_only"],
    ["EACCES", "read_only", "unavailable"],
    ["EPERM", "read_only", "unavailable"],
    ["EIO", "unavailable", "unavailable"],
    ["EMFILE", "unavailable", "unavailable"],
  ] as const
) {
  test(`${errno} is ${writing} to a writer and ${reading} to a reader`, () => {
    const cause = system(errno);
    assert.equal(fileError(cause, "Cannot do it", "write").code, writing);
    const error = fileError(cause, "Cannot do it", "read");
    assert.deepEqual([error.code, error.message, error.cause], [
      reading,
      "Cannot do it: something",
      cause,
    ]);
  });
}

test("a disk that is full, or a quota, says what to do, in the same words on every runtime", () => {
  for (const errno of ["ENOSPC", "EDQUOT"]) {
    const error = fileError(system(errno, "os error 28"), "Cannot do it");
    assert.equal(error.code, "unavailable");
    assert.match(error.message, /^Cannot do it: [^(]+; make room there and try again$/);
  }
});

test("what is missing is undefined, what fails otherwise fails", async () => {
  assert.equal(await unlessMissing(Promise.reject(system("ENOENT"))), undefined);
  assert.equal(await unlessMissing(Promise.resolve(1)), 1);
  await assert.rejects(unlessMissing(Promise.reject(system("EIO"))), /EIO/);
});

/** Streams part of a file of these bytes; `closed` counts. */
async function streamed(folder: string, bytes: Uint8Array, start: number, end: number) {
  const path = join(folder, "file");
  writeFileSync(path, bytes);
  const file = await open(path, "r");
  const seen = { closed: 0 };
  const close = () => {
    seen.closed++;
    return file.close();
  };
  return { stream: fileStream(file.fd, { start, end, close }, "Cannot read"), seen, file };
}

test("a file streams as any part of it, and is closed at the end", async () => {
  using folder = temporaryFolder();
  const bytes = noise(2_500_000);
  for (
    const [start, end] of [[0, 0], [0, 2_500_000], [1, 1_048_577], [2_499_999, 2_500_000]] as const
  ) {
    const { stream, seen } = await streamed(folder.path, bytes, start, end);
    assert.deepEqual(await bytesOf(stream), bytes.slice(start, end));
    assert.equal(seen.closed, 1);
  }
});

test("chunks that pass come in few buffers, and close the file, begun or not", async () => {
  using folder = temporaryFolder();
  const bytes = noise(6_500_000);
  for (const stop of [0, 1, 3, Infinity]) {
    const { stream, seen } = await streamed(folder.path, bytes, 1, bytes.length);
    const chunks = chunksOf(stream, { passing: true });
    const buffers = new Set<ArrayBufferLike>();
    let [at, count] = [1, 0];
    if (stop > 0) {
      for await (const chunk of chunks) {
        buffers.add(chunk.buffer);
        assert.deepEqual(chunk, bytes.subarray(at, at += chunk.length));
        if (++count === stop) break;
      }
    }
    await chunks.cancel();
    assert.ok(buffers.size <= 3);
    assert.equal(at, stop === Infinity ? bytes.length : 1 + stop * (1 << 20));
    assert.equal(seen.closed, 1);
  }
});

test("a reader that stops closes the file", async () => {
  using folder = temporaryFolder();
  const { stream, seen } = await streamed(folder.path, noise(5_000_000), 0, 5_000_000);
  for await (const chunk of stream) {
    assert.ok(chunk.length > 0);
    break;
  }
  assert.equal(seen.closed, 1);
});

test("a file that ends early is corrupt, one that cannot be read unavailable, and both are closed", async () => {
  using folder = temporaryFolder();
  const short = await streamed(folder.path, noise(10), 0, 20);
  await fails(bytesOf(short.stream), "corrupt");
  assert.equal(short.seen.closed, 1);
  const seen = { closed: 0 };
  await using broken = await open(join(folder.path, "only to write"), "w");
  const close = () => Promise.resolve(void seen.closed++);
  await fails(
    bytesOf(fileStream(broken.fd, { start: 0, end: 5, close }, "Cannot read")),
    "unavailable",
  );
  assert.equal(seen.closed, 1);
});

test("a range ends where the file does; what is no range is invalid", () => {
  assert.deepEqual(clampRange({}, 10, ""), { start: 0, end: 10 });
  assert.deepEqual(clampRange({ start: 4, end: 30 }, 10, ""), { start: 4, end: 10 });
  assert.deepEqual(clampRange({ start: 30 }, 10, ""), { start: 30, end: 30 });
  for (const range of [{ start: -1 }, { end: -1 }, { start: 0.5 }, { end: 1.5 }, { start: NaN }]) {
    assert.throws(() => clampRange(range, 10, "Cannot read"), /no range/);
  }
});

/** A file that takes at most `most` bytes at a time, and fails after `room`. */
function slowFile({ most = Infinity, room = Infinity, size = 4_000_000 } = {}) {
  const stored = new Uint8Array(size);
  const syncs: number[] = [];
  let length = 0;
  const write = (bytes: Uint8Array, position: number) => {
    if (position + bytes.length > room) throw system("ENOSPC");
    const written = Math.min(most, bytes.length);
    stored.set(bytes.subarray(0, written), position);
    length = Math.max(length, position + written);
    return written;
  };
  const sync = () => {
    syncs.push(length);
    return Promise.resolve();
  };
  return { file: { write, sync }, syncs, stored: () => stored.slice(0, length) };
}

test("chunks of any size end up as they came, however little a file takes at a time", async () => {
  const bytes = noise(3_500_000);
  for (const most of [Infinity, 100_000]) {
    const { file, stored } = slowFile({ most });
    const writer = fileWriter(file, 0);
    const sizes = [1, 10, 0, 300_000, 5, 262_143, 262_144, 65_536, 1_048_576, 7, 200_000];
    for (let at = 0, n = 0; at < bytes.length; n++) {
      const chunk = bytes.slice(at, at + (sizes[n % sizes.length] ?? 1));
      await writer.write(chunk);
      at += chunk.length;
      assert.equal(writer.position, at);
      chunk.fill(0);
    }
    await writer.flush();
    assert.deepEqual(stored(), bytes);
  }
});

test("a writer goes on at the position it was given", async () => {
  const { file, stored } = slowFile();
  const writer = fileWriter(file, 3);
  await writer.write(new Uint8Array([1, 2]));
  await writer.flush();
  assert.deepEqual([...stored()], [0, 0, 0, 1, 2]);
  assert.equal(writer.position, 5);
});

test("a full disk is told at the latest by flush, and again by the next", async () => {
  const { file } = slowFile({ room: 1_500_000 });
  const writer = fileWriter(file, 0);
  await assert.rejects(async () => {
    for (let n = 0; n < 40; n++) await writer.write(new Uint8Array(60_000));
    await writer.flush();
  }, /ENOSPC/);
  await assert.rejects(writer.flush(), /ENOSPC/);
});

test("the disk is at work while a large file is written, and has all of it at the end", async () => {
  const { file, syncs } = slowFile({ size: 48 << 20 });
  const writer = fileWriter(file, 0);
  for (let n = 0; n < 40; n++) await writer.write(new Uint8Array(1 << 20));
  assert.deepEqual(syncs.map((at) => at >> 20), [16, 32]);
  await writer.write(new Uint8Array([1, 2, 3]));
  await writer.sync();
  assert.deepEqual(syncs.slice(2), [(40 << 20) + 3]);
});

test("what the disk has lost early is told at the end, and again, though it tells only once", async () => {
  const { file } = slowFile({ size: 32 << 20 });
  let told = false;
  const sync = () => {
    if (told) return Promise.resolve();
    told = true;
    return Promise.reject(system("EIO"));
  };
  const writer = fileWriter({ ...file, sync }, 0);
  for (let n = 0; n < 20; n++) await writer.write(new Uint8Array(1 << 20));
  await assert.rejects(writer.sync(), /EIO/);
  await assert.rejects(writer.sync(), /EIO/);
});

test("folders are made with those above them, twice is fine, and a file in the way is told", async () => {
  using folder = temporaryFolder();
  for (const durability of ["full", "none"] as const) {
    const disk = createDisk(durability);
    const path = join(folder.path, durability, "a", "b");
    await disk.makeFolder(path);
    await disk.makeFolder(path);
    assert.ok(statSync(path).isDirectory());
  }
  writeFileSync(join(folder.path, "file"), "");
  await assert.rejects(createDisk("none").makeFolder(join(folder.path, "file", "a")), /ENOTDIR/);
});

test("each step is announced before it is taken", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "file");
  const disk = createDisk("none", async (name) => {
    assert.equal(existsSync(path), false);
    await Promise.resolve();
    writeFileSync(path, name);
  });
  await disk.step("one");
  assert.equal(readFileSync(path, "utf8"), "one");
});

test("times differ while the clock stands still, and follow it when it goes", async () => {
  const clock = fakeClock(1_000);
  const time = steadyTime(clock);
  assert.deepEqual([time(), time(), time(5_000), time()], [1_000, 1_001, 5_001, 5_002]);
  await clock.advance(60_000);
  assert.equal(time(), 61_000);
});

test("a document that cannot be written whole leaves nothing behind", async () => {
  using folder = temporaryFolder();
  const clock = systemClock;
  const disk = createDisk("none", (name) => {
    if (name === "sync document") throw system("ENOSPC", "no space left on device");
  });
  const { path: tmp } = folder;
  const place = { clock, disk, tmp, time: steadyTime(clock), readOnly: false, notice() {} };
  const lock = fileLock(tmp, { clock, tmp });
  const docs = docFiles({ ...place, writing: () => Promise.resolve() }, {
    pathOf: (name) => join(tmp, name),
    folders: [""],
    reserved: [],
    lock: { acquire: (_, how) => lock.acquire("lock", how) },
    wait: 1_000,
    flush: () => Promise.resolve(),
  });
  await fails(docs.swap("state.json", "{}", undefined), "unavailable", /no space left/);
  assert.deepEqual(readdirSync(tmp).filter((name) => !name.startsWith("lock")), []);
});
