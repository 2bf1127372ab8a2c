// Reads and writes a layout as a user who may only read it: PATH DIGEST
import { chmodSync } from "node:fs";
import process from "node:process";
import { type Digest, isOciError } from "../../../core/mod.ts";
import { read, seen } from "../../contract/suite.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./directories.ts";

const [path = "", digest = ""] = process.argv.slice(2);
chmodSync(path, 0o755);
{
  // What a first write loads may be out of reach afterwards.
  using other = temporaryFolder();
  await using store = await openAt(other.path);
  await store.docs.swap("index.json", "{}", undefined);
}
process.setgid?.(65534);
process.setuid?.(65534);
const store = await openAt(path, { mode: "write", durability: "full" });
const blob = await seen(store, digest as Digest);
const doc = await store.docs.load("index.json");
console.log(`read ${(await read(store, blob.digest)).length} bytes and ${doc?.text}`);
for (
  const [name, work] of Object.entries({
    swap: () => store.docs.swap("index.json", "[]", doc),
    ingest: () => store.blobs.ingest(),
    delete: () => store.blobs.delete([blob]).then(([removal]) => Promise.reject(removal?.error)),
    renew: () => store.blobs.renew?.(blob),
  })
) {
  try {
    await work();
    console.log(`${name}: done`);
  } catch (error) {
    console.log(`${name}: ${isOciError(error) ? error.code : error}`);
  }
}
