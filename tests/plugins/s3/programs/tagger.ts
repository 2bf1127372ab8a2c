// Sets names, every second one of its own: WORKER COUNT. Tells each once it is set.
import { imageOf } from "../../../images.ts";
import { openPlace, rest } from "./opened.ts";

const [worker = "", count = "0"] = rest;
await using layout = await openPlace();
const { descriptor } = imageOf(worker);
for (let n = 0; n < Number(count); n++) {
  const name = n % 2 === 0 ? `${worker}-${n}` : `shared-${n}`;
  await layout.tag(descriptor, name);
  console.log(`${name} ${descriptor.digest}`);
}
