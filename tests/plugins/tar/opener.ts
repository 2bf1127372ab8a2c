// Opens an archive as hostile as it may be, reads what a user would, and tells how that ended and how much memory it took.
import { readFileSync } from "node:fs";
import process from "node:process";
import { isOciError, openLayout } from "../../../core/mod.ts";
import { openAt } from "./archives.ts";

const [path = ""] = process.argv.slice(2);
let ended = "read";
try {
  const backend = await openAt(path, { mode: "read" }, { mostInflated: 16 << 20 });
  try {
    await using layout = await openLayout(backend);
    await layout.references();
    for await (const _ of backend.blobs.list());
  } finally {
    await backend[Symbol.asyncDispose]();
  }
} catch (error) {
  ended = isOciError(error) ? error.code : String(error);
}
const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
console.log(ended, Number(kib) / 1024);
