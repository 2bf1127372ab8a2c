// `If-Match` and its kin. Check and write are one step, unless the switches say that they are not.
import { type Context, heeds, pause } from "./context.ts";
import { Problem, problems } from "./problem.ts";
import { changeOf, current, type Stored } from "./store.ts";
import type { Care } from "./switches.ts";

const bare = (etag: string) => etag.trim().replace(/^W\//, "").replace(/^"(.*)"$/, "$1");

/** Whether a list of ETags, or `*`, names this one; in reads every form is taken. */
const names = (value: string, etag: string): boolean =>
  value.trim() === "*" || value.split(",").some((one) => bare(one) === etag);

/** Whether `If-Match` of a write names this ETag, in a form that the service compares. */
function matches({ switches }: Context, value: string, etag: string): boolean {
  if (value.trim() === "*") return true;
  const quoted = /^\s*".*"\s*$/.test(value);
  if (switches.ifMatchForm === "quoted" && !quoted) return false;
  if (switches.ifMatchForm === "unquoted" && quoted) return false;
  return bare(value) === etag;
}

/** What a write gets whose condition does not hold; a race that was lost may be told otherwise. */
function failed(context: Context, condition: string): Problem {
  const { request, bucket, key, switches, chance } = context;
  const raced = changeOf(bucket, key) > request.arrived;
  const choices = [412, 409, 500] as const;
  const { lostRace } = switches;
  const told = lostRace === "mixed" ? choices[Math.floor(chance() * 3)] : lostRace;
  if (!raced || told === 412) return problems.preconditionFailed(condition);
  return told === 409
    ? problems.conditionalConflict(key)
    : new Problem(500, "UnknownError", "UnknownError");
}

/** Throws unless the conditions of a write hold: `If-None-Match: *` and `If-Match`. */
export function checkWrite(context: Context, create: Care, replace: Care): void {
  const { request: { headers }, bucket, key, switches } = context;
  const { "if-none-match": none, "if-match": match } = headers;
  if (none !== undefined && heeds(create, "If-None-Match")) {
    if (none.trim() !== "*" || match !== undefined) throw problems.notImplemented("If-None-Match");
    if (current(bucket, key)?.object) throw failed(context, "If-None-Match");
  }
  if (match !== undefined && heeds(replace, "If-Match")) checkMatch(context, match);
  function checkMatch(context: Context, match: string) {
    const object = current(bucket, key)?.object;
    if (object) {
      if (!matches(context, match, object.etag)) throw failed(context, "If-Match");
    } else if (switches.missingIfMatch === 404) throw problems.noSuchKey(key);
    else if (switches.missingIfMatch === 412) throw failed(context, "If-Match");
  }
}

/** Throws unless the conditions of a DELETE hold. */
export function checkDelete(context: Context): void {
  const { request: { headers }, bucket, key, switches } = context;
  const match = headers["if-match"];
  if (match === undefined || !heeds(switches.conditions.delete, "If-Match")) return;
  const version = current(bucket, key);
  if (!version) {
    if (switches.missingDelete === 204) return;
    throw problems.noSuchKey(key);
  }
  if (!version.object || !matches(context, match, version.object.etag)) {
    throw failed(context, "If-Match");
  }
}

/** Throws unless the conditions of a read hold; those of a copy's source have a prefix, and never say 304. */
export function checkRead(
  { request: { headers } }: Context,
  object: Stored,
  at: number,
  prefix = "",
): void {
  const header = (name: string) => headers[`${prefix}${name}`];
  const since = (value: string) => Date.parse(value);
  const modified = Math.floor(at / 1000) * 1000;
  const [match, none] = [header("if-match"), header("if-none-match")];
  const [changed, unchanged] = [header("if-modified-since"), header("if-unmodified-since")];
  const unmodified = () =>
    prefix === ""
      ? new Problem(304, "NotModified", "Not Modified", {}, { etag: `"${object.etag}"` })
      : undefined;
  if (match !== undefined) {
    if (!names(match, object.etag)) throw problems.preconditionFailed("If-Match");
  } else if (unchanged !== undefined && modified > since(unchanged)) {
    throw problems.preconditionFailed("If-Unmodified-Since");
  }
  if (none !== undefined) {
    if (names(none, object.etag)) {
      throw unmodified() ?? problems.preconditionFailed("If-None-Match");
    }
  } else if (changed !== undefined && modified <= since(changed)) {
    throw unmodified() ?? problems.preconditionFailed("If-Modified-Since");
  }
}

/** Checks, then writes: at once, or after the pause that lets others in between. */
export async function checkedWrite<T>(
  { switches }: Context,
  check: () => void,
  write: () => T,
): Promise<T> {
  check();
  if (switches.check !== "atomic") await pause(switches.check);
  return write();
}
