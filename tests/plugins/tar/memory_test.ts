// What hostile archives cost: each is opened by a process of its own, whose memory the kernel measures.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { closeSync, existsSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { finished, runtimes, startProgram } from "../../runtimes.ts";
import { unless } from "../../skip.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { archive, MARKER, member, pax } from "./archives.ts";

/** MiB that may be needed beyond what a small archive takes. */
const MOST = 64;
const MIB = 1 << 20;
const index = member({ name: "index.json", body: '{"schemaVersion":2,"manifests":[]}' });
const blob = member({ name: `blobs/sha256/${"ab".repeat(32)}`, body: "x" });
const many = (count: number, make: (n: number) => Uint8Array) =>
  Buffer.concat(Array.from({ length: count }, (_, n) => make(n)));
const filled = (...members: readonly Uint8Array[]) => archive(MARKER, index, ...members);
const bomb = () => Buffer.concat([MARKER, index, Buffer.alloc(100 * MIB)]);
const octal = (size: number) => size.toString(8).padStart(11, "0") + "\0";

/** A file that is a hole from where these members end. */
function hole(path: string, size: number, ...members: readonly Uint8Array[]): void {
  const fd = openSync(path, "w");
  const head = Buffer.concat(members);
  writeSync(fd, head, 0, head.length, 0);
  ftruncateSync(fd, head.length + size + 1024);
  closeSync(fd);
}

/** What it is of, how it ends (an error by its code, or read), and how it is made. */
const ROWS: readonly (readonly [string, string, (path: string) => Uint8Array | void])[] = [
  ["of 100,000 files", "read", () => filled(many(100_000, (n) => member({ name: `f${n}` })))],
  ["of 100,000 blobs of one name", "read", () => filled(many(100_000, () => blob))],
  ["of 100,000 indexes", "read", () => filled(many(100_000, () => index))],
  [
    "of names of 4 KiB",
    "size_exceeded",
    () => {
      const named = (n: number) => [pax({ path: `${n}`.padStart(4000, "x") }), blob];
      return filled(many(10_000, (n) => Buffer.concat(named(n))));
    },
  ],
  ["of a name of 1 MiB", "corrupt", () => filled(pax({ path: "x".repeat(MIB - 20) }), blob)],
  [
    "of endless records",
    "corrupt",
    () => filled(many(2000, () => pax({ comment: "x".repeat(60_000) })), blob),
  ],
  [
    "of 50,000 records in one header",
    "read",
    () => {
      const records = Array.from({ length: 50_000 }, (_, n) => [`k${n}`, "x"]);
      return filled(pax(Object.fromEntries(records)), blob);
    },
  ],
  [
    "of a record of 4 GiB",
    "corrupt",
    (path) => hole(path, 4 * 2 ** 30, member({ name: "x", type: "x", size: octal(4 * 2 ** 30) })),
  ],
  [
    "of an index of 1 GiB",
    "size_exceeded",
    (path) => hole(path, 2 ** 30, MARKER, member({ name: "index.json", size: octal(2 ** 30) })),
  ],
  ["that is a bomb of gzip", "size_exceeded", () => gzipSync(bomb(), { level: 1 })],
  ["that is a bomb of zstd", "size_exceeded", () => zstdCompressSync(bomb())],
];

const noProc = !existsSync("/proc/self/status") && "only Linux tells the memory of a process";
describe("a hostile archive", () => {
  const [runtime] = runtimes;
  const opened = async (path: string) => {
    assert.ok(runtime);
    const { out } = await finished(
      startProgram(runtime, new URL("./opener.ts", import.meta.url), [path]),
    );
    const [ended, mib] = out.trim().split(" ");
    return { ended, mib: Number(mib) };
  };
  let least = 0;
  before(async () => {
    if (noProc) return;
    using folder = temporaryFolder();
    const path = join(folder.path, "small.tar");
    writeFileSync(path, filled(blob));
    least = (await opened(path)).mib;
  });
  for (const [what, wanted, make] of ROWS) {
    it(`${what} is ${wanted} within ${MOST} MiB`, unless(noProc), async () => {
      using folder = temporaryFolder();
      const path = join(folder.path, "hostile.tar");
      const made = make(path);
      if (made) writeFileSync(path, made);
      const { ended, mib } = await opened(path);
      assert.equal(ended, wanted);
      assert.ok(mib < least + MOST, `${mib} MiB, where a small one takes ${least}`);
    });
  }
});
