// Sets `count` names of its own in a directory, one transaction each: PLACE DIGEST WORKER COUNT
import process from "node:process";
import { type Digest, openLayout } from "../../mod.ts";

const [place = "", digest = "", worker = "", count = "0"] = process.argv.slice(2);
await using layout = await openLayout(place, { mode: "write", wait: 120_000 });
for (let n = 0; n < Number(count); n++) {
  await layout.tag(digest as Digest, `${worker}-${n}`);
  console.log(`${worker}-${n}`);
}
