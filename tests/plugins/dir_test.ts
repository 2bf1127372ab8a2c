import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Backend, splitDigest, systemClock } from "../../core/mod.ts";
import { directory, directoryUrl } from "../../plugins/dir/mod.ts";
import { backendContract } from "../contract/backend.ts";

const options = {
  mode: "create",
  durability: "none",
  wait: 30_000,
  clock: systemClock,
  notice() {},
} as const;
const open = directory().backends?.dir;
if (!open) throw new Error("The plugin brings no backend");

backendContract("dir", {
  test,
  has: ["adopt", "renew", "trash"],
  async place() {
    const path = mkdtempSync(join(tmpdir(), "stowage-"));
    const backend = await open(directoryUrl(path), options);
    return {
      ...backend,
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        rmSync(path, { recursive: true });
      },
    };
  },
  reopen: (backend: Backend) => open(backend.url, options),
  damage(backend, digest, bytes) {
    const { algorithm, hex } = splitDigest(digest);
    const folder = join(backend.url.pathname, "blobs", algorithm);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, hex), bytes);
    chmodSync(join(folder, hex), 0o444);
  },
});
