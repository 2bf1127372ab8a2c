// Pushes artifacts of its own, each under a name, and tells of each that is acknowledged: PLACE PREFIX COUNT
import process from "node:process";
import { isOciError, openLayout } from "../../mod.ts";

const [place = "", prefix = "", count = "0"] = process.argv.slice(2);
await using layout = await openLayout(place, { mode: "write", wait: 120_000 });
for (let n = 0; n < Number(count); n++) {
  const bytes = new TextEncoder().encode(`${prefix}-${n % 7}`);
  while (true) {
    const { descriptor } = await layout.push({ mediaType: "text/plain" }, bytes);
    try {
      await layout.tag(descriptor, `${prefix}-${n}`);
      break;
    } catch (error) {
      // Without any grace a collector may take it before it has a name: then it is pushed again.
      if (!isOciError(error, "not_found")) throw error;
    }
  }
  console.log(`${prefix}-${n}`);
}
