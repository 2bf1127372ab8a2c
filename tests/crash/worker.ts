// Does what a scenario says and stops for ever before a step, to be killed there: PATH SCENARIO STEP STALE
//
// Step 0 is none: all steps are named. The scenario "pushes" pushes until it is killed.
import process from "node:process";
import { systemClock } from "../../core/mod.ts";
import { openAt } from "./places.ts";
import { push, scenarios } from "./scenarios.ts";

const [path = "", name = "", step = "", stale = ""] = process.argv.slice(2);
const scenario = scenarios[name];
const meanwhile = scenario?.meanwhile?.(path) ?? {};
let steps = 0;
const store = await openAt(path, { durability: "full", wait: 60_000 }, {
  stale: Number(stale),
  async onStep(name) {
    if (step === "0") console.log(`step ${name}`);
    if (++steps === Number(step)) {
      console.log(`at ${name}`);
      while (true) await systemClock.sleep(1_000);
    }
    await meanwhile[name]?.();
  },
});
if (scenario) {
  await scenario.run(store, path, (name) => console.log(`told ${name}`));
} else {
  for (let n = 0;; n++) {
    await push(store, `${name}-${n}`);
    console.log(`told ${name}-${n}`);
  }
}
await store[Symbol.asyncDispose]();
console.log("done");
