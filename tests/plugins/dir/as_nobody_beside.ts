// Renews blobs of another user in a layout that all may write to: PATH DIGEST…
import { chmodSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Digest, isOciError } from "../../../core/mod.ts";
import { seen } from "../../contract/suite.ts";
import { openAt } from "./directories.ts";

const [path = "", ...digests] = process.argv.slice(2);
for (const name of ["", "blobs", "blobs/sha256", ".stowage", ".stowage/tmp"]) {
  chmodSync(join(path, name), 0o777);
}
process.setgid?.(65534);
process.setuid?.(65534);
const store = await openAt(path, { mode: "write" });
for (const digest of digests) {
  const blob = await seen(store, digest as Digest);
  try {
    const renewed = await store.blobs.renew?.(blob);
    console.log(renewed?.version === blob.version ? "the same" : "renewed");
  } catch (error) {
    console.log(isOciError(error) ? error.code : String(error));
  }
}
