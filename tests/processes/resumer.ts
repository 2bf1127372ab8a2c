// Writes a made-up source under a name until it is killed or done: PLACE REF SIZE; prints bytes written so far, and
// `digest …` in the end. The source is a function of the offset, so any process can go on with it.
import process from "node:process";
import { openLayout } from "../../mod.ts";

const [place = "", ref = "", size = "0"] = process.argv.slice(2);
const STEP = 1 << 20;

await using layout = await openLayout(place, { mode: "write" });
await using writer = await layout.openWriter({ ref, total: Number(size), wait: 60_000 });
for (let at = writer.status.offset; at < Number(size); at += STEP - at % STEP) {
  const block = new Uint8Array(STEP).fill(at / STEP % 251);
  await writer.write(block.subarray(at % STEP, Math.min(STEP, Number(size) - at + at % STEP)));
  console.log(`${writer.status.offset}`);
}
console.log(`digest ${(await writer.commit()).digest}`);
