import { openDirectory } from "../plugins/dir/open.ts"; import { directoryUrl } from "../plugins/dir/url.ts"; import { systemClock } from "../core/clock.ts"; import * as fs from "node:fs"; import { createHash } from "node:crypto"; import process from "node:process";
const base = process.argv[2] ?? "/tmp/dirwork";
for (const [size, step] of [[1 << 20, 1 << 30], [1 << 16, 1 << 30], [1 << 14, 1 << 28]] as const) for (const dur of ["full", "none"] as const) {
  const d = fs.mkdtempSync(base + "/p-");
  const b = await openDirectory(directoryUrl(d), { mode: "create", durability: dur, wait: 30000, clock: systemClock, notice() {} });
  const chunk = new Uint8Array(size); crypto.getRandomValues(chunk.subarray(0, 16384));
  const h0 = createHash("sha256"); let t = performance.now(); for (let n = 0; n < step; n += size) h0.update(chunk); const hash = performance.now() - t; const digest = `sha256:${h0.digest("hex")}` as const;
  t = performance.now(); await using i = await b.blobs.ingest(); const w = i.writable.getWriter(); const h = createHash("sha256");
  for (let n = 0; n < step; n += size) { const p = w.write(chunk); h.update(chunk); await p; }
  const mid = performance.now() - t; w.releaseLock(); await i.commit({ digest, size: step });
  console.log(`chunk ${size >> 10}K ${dur}: hash ${(hash / 1000).toFixed(2)} write+hash ${(mid / 1000).toFixed(2)} with commit ${((performance.now() - t) / 1000).toFixed(2)} s per ${step >> 20} MiB`);
  t = performance.now(); let n = 0; for await (const c of await b.blobs.read(digest)) n += c.length; console.log("  read", ((performance.now() - t) / 1000).toFixed(2));
  fs.rmSync(d, { recursive: true });
}
console.log("rss", process.memoryUsage().rss >> 20);
