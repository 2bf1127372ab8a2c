import { defineBody, isOciError, messageOf } from "../../core/mod.ts";
import { type GcContext, gcFlags, readText, usageError } from "./flags.ts";
import { parsePlan } from "./plan_file.ts";
import { runCollect, runPlan } from "./run.ts";
import { runExplain, runStatus, runUndo } from "./tell.ts";

/** The exit code where some places could not be collected. */
const IN_PART = 7;

/** `stowage gc`. */
export default defineBody({
  usage: "PLACE… | plan PLACE | apply PLACE PLAN | status PLACE | explain PLACE:ref | undo PLACE",
  details:
    "Names go by rules, and bytes that nothing reaches go once their grace is over; without rules no name goes. " +
    "Others may write meanwhile. `plan` writes nothing to the place; `apply` does what a plan says and nothing " +
    "beyond; `undo` takes the last collection back.",
  flags: gcFlags,
  examples: [
    "stowage gc ./cache --retention r.json",
    "stowage gc ./cache --refs 'pr-*' --keep-last 3 --dry-run",
    "stowage gc plan ./cache -o plan.json",
    "stowage gc explain ./cache:pr-118 --retention r.json",
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
    if (context.flags.output !== undefined && word !== "plan") {
      throw usageError('Cannot take "--output": it goes with "gc plan"');
    }
    return await (Object.hasOwn(acts, word) ? acts[word]?.() : all(context));
  },
});

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
  try {
    return await runCollect(context, place, parsePlan(text));
  } catch (error) {
    if (isOciError(error, "invalid")) throw usageError(messageOf(error));
    throw error;
  }
}

/** Collects every place; with `--keep-going` also those after one that failed. */
async function all(context: GcContext): Promise<number> {
  let code = 0;
  for (const place of context.positionals) {
    try {
      code = Math.max(code, await runCollect(context, place));
    } catch (error) {
      if (!context.flags["keep-going"] || !isOciError(error) || error.code === "aborted") {
        throw error;
      }
      context.notice({ code: error.code, message: `${place}: ${error.message}` });
      code = IN_PART;
    }
  }
  return code;
}
