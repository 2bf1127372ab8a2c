// Pushes images for ever, names each, and keeps every sixth name: WORKER. All workers push the same kinds of images, three
// at a time, so that one drops what another counts on. Tells what it begins and what it was told.
import { isOciError } from "../../../../core/mod.ts";
import { imageOf, pushAll } from "../../../images.ts";
import { clock, openPlace, rest } from "./opened.ts";

const [worker = ""] = rest;
const layout = await openPlace();
console.log("ready");
for (let n = 0;; n++) {
  const image = imageOf(`kind ${Math.floor(n / 6)} ${Math.floor(clock.random() * 3)}`);
  const name = `${worker}-${n}`;
  try {
    await pushAll(layout, image.config, image.layer, image);
    await layout.tag(image.descriptor, name);
    console.log(`tagged ${name} ${image.descriptor.digest}`);
    if (n % 6 === 0) continue;
    console.log(`untagging ${name}`);
    await layout.untag(name);
  } catch (error) {
    // Taken while it was pushed, or never free: an honest failure, and the next push heals.
    if (!isOciError(error, "not_found", "conflict", "unavailable")) throw error;
    console.log(`failed ${error.code}`);
  }
}
