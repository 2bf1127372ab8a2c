import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openLayout } from "../../mod.ts";
import { finished, runtimes, startProgram } from "../runtimes.ts";

const MIB = 1 << 20;
/** 1 GiB where there is time for it; the protocol is the same for less. */
const SIZE = Number(process.env["STOWAGE_TEST_RESUME_MIB"] ?? 256) * MIB;

function digestOfSource(): string {
  const hash = createHash("sha256");
  for (let n = 0; n < SIZE / MIB; n++) hash.update(new Uint8Array(MIB).fill(n % 251));
  return `sha256:${hash.digest("hex")}`;
}

const names = runtimes.map(({ name }) => name).join(", ");

test(
  `a write of ${
    SIZE / MIB
  } MiB killed at 10, 50 and 90 %, gone on with by ${names}, has the right digest`,
  {
    timeout: 300_000,
  },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "stowage-resume-"));
    try {
      const place = join(folder, "store");
      await using store = await openLayout(place, { mode: "create" });
      const program = new URL("./resumer.ts", import.meta.url);
      const start = (turn: number) => {
        const runtime = runtimes[turn % runtimes.length];
        assert.ok(runtime);
        return startProgram(runtime, program, [place, "upload/1", String(SIZE)]);
      };
      let reached = 0;
      for (const [turn, part] of [0.1, 0.5, 0.9].entries()) {
        const child = start(turn);
        assert.ok(child.stdout);
        for await (const line of createInterface({ input: child.stdout })) {
          if (Number(line) >= part * SIZE) break;
        }
        child.kill("SIGKILL");
        await once(child, "close");
        const status = await store.status("upload/1");
        assert.ok(status.offset >= part * SIZE && status.offset < SIZE);
        assert.ok(status.offset > reached, "it went on where it had stopped");
        assert.equal(status.total, SIZE);
        reached = status.offset;
      }
      const { code, out } = await finished(start(3));
      assert.equal(code, 0);
      const lines = out.trim().split("\n");
      assert.ok(Number(lines[0]) > reached, "nothing was written twice");
      assert.equal(lines.at(-1), `digest ${digestOfSource()}`);
      assert.deepEqual(await store.statuses(), []);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
