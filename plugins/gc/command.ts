import { defineBody, reading, usageError } from "../../core/mod.ts";
import { collectAll } from "./collect_all.ts";
import { runExplain } from "./explain.ts";
import { type GcContext, gcFlags, policyOf, readText } from "./flags.ts";
import { parsePlan } from "./plan_file.ts";
import { collectPlace, exitOf, runPlan, tell } from "./run.ts";
import { scheduleFlags } from "./schedule_flags.ts";
import { runStatus, runUndo } from "./tell.ts";

/** `stowage gc`. */
export default defineBody({
  usage: "PLACE… | plan PLACE | apply PLACE PLAN | status PLACE | explain PLACE:ref | undo PLACE",
  details:
    "Names go by rules, and bytes that nothing reaches go once their grace is over; without rules no name goes. " +
    "Others may write meanwhile. `plan` writes nothing to the place; `apply` does what a plan says and nothing " +
    "beyond; `undo` takes the last collection back.\n" +
    "With --every or --cron it stays and writes a line a run; SIGTERM ends it, SIGHUP lets it read the rules again.",
  flags: gcFlags,
  examples: [
    "stowage gc ./cache --retention r.json",
    "stowage gc ./cache --refs 'pr-*' --keep-last 3 --dry-run",
    "stowage gc plan ./cache -o plan.json",
    "stowage gc explain ./cache:pr-118 --retention r.json",
    "stowage gc @prod --cron '30 3 * * *' --retention r.json --metrics /var/lib/node_exporter/gc.prom",
  ],
  words: ["plan", "apply", "status", "explain", "undo"],
  positionals: [1, Infinity],
  async run(context: GcContext) {
    const [word = "", ...rest] = context.positionals;
    const acts: Readonly<Record<string, () => Promise<number | void>>> = {
      plan: () => runPlan(context, one(rest)),
      status: () => runStatus(context, one(rest)),
      explain: () => runExplain(context, one(rest)),
      undo: () => runUndo(context, one(rest)),
      apply: () => apply(context, rest),
    };
    const act = Object.hasOwn(acts, word) ? acts[word] : undefined;
    checkFlags(context, act === undefined ? "" : word);
    return await (act ? act() : collectAll(context));
  },
});

/** Throws for flags that go with another word. */
function checkFlags({ flags }: GcContext, word: string): void {
  if (flags.output !== undefined && word !== "plan") {
    throw usageError('Cannot take "--output": it goes with "gc plan"');
  }
  if (word === "") return;
  for (const name of Object.keys(scheduleFlags) as (keyof typeof scheduleFlags)[]) {
    if (flags[name] === undefined) continue;
    throw usageError(`Cannot take "--${name}": it does not go with "gc ${word}"`);
  }
}

function one([text, ...more]: readonly string[]): string {
  if (text !== undefined && more.length === 0) return text;
  throw usageError("Cannot run it: name one place");
}

async function apply(context: GcContext, rest: readonly string[]): Promise<number> {
  const [place, path, ...more] = rest;
  if (place === undefined || path === undefined || more.length > 0) {
    throw usageError("Cannot apply: write PLACE PLAN");
  }
  const text = await readText(path, "the plan");
  const plan = reading(() => parsePlan(text));
  const report = await collectPlace(context, place, await policyOf(context), plan);
  await tell(context, place, report);
  return exitOf(report, context.flags["exit-code"]);
}
