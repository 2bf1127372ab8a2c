import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Backend, splitDigest } from "../../core/mod.ts";
import { directory, directoryUrl } from "../../plugins/dir/mod.ts";
import { backendContract } from "../contract/backend.ts";
import { usual } from "../opening.ts";

const open = directory().backends?.dir;
if (!open) throw new Error("The plugin brings no backend");

backendContract("dir", {
  test,
  has: ["adopt", "renew", "trash"],
  async place() {
    const path = mkdtempSync(join(tmpdir(), "stowage-"));
    const backend = await open(directoryUrl(path), usual);
    return {
      ...backend,
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        rmSync(path, { recursive: true });
      },
    };
  },
  reopen: (backend: Backend) => open(backend.url, usual),
  damage(backend, digest, bytes) {
    const { algorithm, hex } = splitDigest(digest);
    const folder = join(backend.url.pathname, "blobs", algorithm);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, hex), bytes);
    chmodSync(join(folder, hex), 0o444);
  },
});
