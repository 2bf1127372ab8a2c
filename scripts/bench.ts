// Measures the compiled executable in pairs against a named peer, in one run: A B A B …, quoted as the median of the
// ratios. Absolute times of a shared machine mean little; a ratio of neighbours holds.
//
//   deno task bench [NAME…]      the cases whose name begins with one of these; default all but the long ones
import process from "node:process";
import { archive, archiveScan } from "./bench/archive.ts";
import { bucket } from "./bench/bucket.ts";
import { collect, collectMillion } from "./bench/collect.ts";
import { copy } from "./bench/copy.ts";
import { largeArchive } from "./bench/large_archive.ts";
import { memory } from "./bench/memory.ts";
import { tidy } from "./bench/pairs.ts";
import { sign } from "./bench/sign.ts";
import { start } from "./bench/start.ts";
import { store } from "./bench/store.ts";
import { tag } from "./bench/tag.ts";

const CASES = {
  version: start,
  store,
  copy,
  memory,
  sign,
  gc: collect,
  tag,
  tar: archive,
  tarscan: archiveScan,
};
/** Only by their whole names: they take minutes, and gigabytes of disk or memory. */
const LONG = { s3: bucket, gcmillion: collectMillion, tarlarge: largeArchive };

const wanted = process.argv.slice(2);
try {
  for (const [name, run] of Object.entries(CASES)) {
    if (wanted.length === 0 || wanted.some((one) => name.startsWith(one))) await run();
  }
  for (const [name, run] of Object.entries(LONG)) if (wanted.includes(name)) await run();
} finally {
  await tidy();
}
