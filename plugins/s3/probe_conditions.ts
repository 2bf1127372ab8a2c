// Whether conditions on writes hold: alone, and in a race.
import { isOciError } from "../../core/mod.ts";
import {
  type Finding,
  finding,
  isSuccess,
  lost,
  nextWrite,
  statusOf,
  told,
  type Tools,
} from "./probe_tools.ts";

const RACERS = 8;
const RACES = 3;
/** An ETag that nothing has. */
const WRONG = "0123456789abcdef0123456789abcdef";

/** Of two who create a key, the first does. */
export async function creating(tools: Tools): Promise<Finding> {
  const first = statusOf(tools, await tools.put("create", "first", { "if-none-match": "*" }));
  const second = statusOf(tools, await tools.put("create", "second", { "if-none-match": "*" }));
  const kept = await tools.get("create") === "first";
  const good = isSuccess(first) && (second === 412 || second === 409) && kept;
  return finding("create if absent", "C", good, told([first, second]));
}

/** Replacing what is as it was seen works, in one of two forms; replacing anything else does not. */
export async function replacing(tools: Tools): Promise<{ quoted: boolean; findings: Finding[] }> {
  const seen = await tools.set("replace", "first");
  const statuses: number[] = [];
  for (const etag of [`"${WRONG}"`, WRONG]) {
    statuses.push(statusOf(tools, await tools.put("replace", "wrong", { "if-match": etag })));
  }
  const intact = await tools.get("replace") === "first" && !statuses.some(isSuccess);
  const right: number[] = [];
  let quoted = true;
  for (const form of [true, false]) {
    const etag = form ? `"${seen}"` : seen;
    const status = statusOf(tools, await tools.put("replace", "second", { "if-match": etag }));
    right.push(status);
    quoted = form;
    if (isSuccess(status)) break;
  }
  const replaced = isSuccess(right.at(-1) ?? 0) && await tools.get("replace") === "second";
  return {
    quoted: quoted || !replaced,
    findings: [
      finding("replace if unchanged", "C", replaced, `${told(right)}, ${quoted ? "" : "un"}quoted`),
      finding("replace with a wrong ETag", "C", intact, told(statuses)),
    ],
  };
}

/** What is not there is not replaced. */
export async function missing(tools: Tools): Promise<Finding> {
  const status = statusOf(tools, await tools.put("missing", "x", { "if-match": `"${WRONG}"` }));
  const good = !isSuccess(status) && await tools.get("missing") === undefined;
  return finding("replace of a missing key", "C", good, told([status]));
}

/** Eight at once, whose bodies come in halves: a store that looks first and writes later lets more than one win. */
export async function race(
  tools: Tools,
  name: string,
  replace: boolean,
  quoted: boolean,
): Promise<Finding> {
  for (let tries = 1;; tries++) {
    const done = await raceOnce(tools, `race-${replace}-${quoted}-${tries}`, replace, quoted);
    if (done) return finding(name, "C", done.good, `${done.winners} of ${RACERS} won`);
    // Nobody had won, as the store had no time for some.
    if (tries >= RACES) throw lost(tools.client);
  }
}

async function raceOnce(tools: Tools, key: string, replace: boolean, quoted: boolean) {
  const seen = replace ? await tools.set(key, "before") : "";
  if (replace) await nextWrite(tools.client);
  const condition: Record<string, string> = replace
    ? { "if-match": quoted ? `"${seen}"` : seen }
    : { "if-none-match": "*" };
  const results = await Promise.all(Array.from({ length: RACERS }, async (_, at) => {
    const text = String(at).repeat(20_000);
    try {
      return { text, status: statusOf(tools, await tools.put(key, text, condition, 100), "race") };
    } catch (error) {
      if (!isOciError(error, "unavailable")) throw error;
      return { text, status: 0 };
    }
  }));
  const winners = results.filter(({ status }) => isSuccess(status));
  const doubtful = results.some(({ status }) => status === 0 || status === 429 || status === 503);
  if (doubtful && winners.length === 0) return undefined;
  const good = winners.length === 1 && await tools.get(key) === winners[0]?.text;
  return { good, winners: winners.length };
}
