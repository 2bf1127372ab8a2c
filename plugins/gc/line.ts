import { bytes, isOciError, messageOf, plural, type Result } from "../../core/mod.ts";
import type { Attempt } from "./attempt.ts";
import type { Report } from "./report.ts";

/** Under which circumstances a run ended. */
interface Circumstances {
  /** It was only planned. */
  readonly planned: boolean;
  /** The program was told to end meanwhile. */
  readonly stopped: boolean;
}

/** A run in one line, or one document. */
export function ending(place: string, run: Attempt, { planned, stopped }: Circumstances): Result {
  const { report, error, outcome, started, finished } = run;
  const began = new Date(started).toISOString();
  const told = (what: string) => [`${began}  ${place}  ${what}`];
  const ok = outcome === "ok" && !planned;
  const result = { schema: "stowage.gc/1", ok, place };
  if (report) {
    const note = planned ? "only planned since a run was refused, until SIGHUP; " : "";
    return { ...result, data: { ...report }, lines: told(note + summary(report)) };
  }
  const [mode, end] = [planned ? "plan" : "apply", new Date(finished).toISOString()];
  const code = isOciError(error) ? error.code : "internal";
  const data = { mode, started: began, finished: end, error: { code, message: messageOf(error) } };
  const word = stopped ? "stopped" : outcome;
  return { ...result, data, lines: told(`${word}: ${messageOf(error)}  [${code}]`) };
}

function summary(report: Report): string {
  const { refs, started, finished, stopped, failed, damaged, mode } = report;
  const seconds = (Date.parse(finished) - Date.parse(started)) / 1000;
  const done = mode === "plan" ? "unreachable" : "deleted";
  return [
    `${plural(refs.dropped.length, "reference")} ${mode === "plan" ? "to drop" : "dropped"}`,
    `${plural(report.blobs[done], "blob")} ${done}, ${bytes(report.bytes[done])}`,
    `${report.blobs.waiting} waiting`,
    `${report.blobs.live} live, ${bytes(report.bytes.live)}`,
    ...(damaged.length > 0 ? [`${damaged.length} DAMAGED`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(stopped === undefined ? [] : [`stopped: ${stopped}`]),
    `${seconds.toFixed(1)} s`,
  ].join("; ");
}
