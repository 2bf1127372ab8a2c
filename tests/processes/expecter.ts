// Moves a name it expects to have one digest to another one: PLACE NAME EXPECT TARGET; prints `won`, or the error's code
import process from "node:process";
import { type Digest, isOciError, openLayout } from "../../mod.ts";

const [place = "", name = "", expect = "", target = ""] = process.argv.slice(2);
await using layout = await openLayout(place, { mode: "write" });
try {
  await layout.tag(target, name, { expect: expect as Digest });
  console.log("won");
} catch (error) {
  console.log(isOciError(error) ? error.code : error);
}
