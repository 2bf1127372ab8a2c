import { bytes, plural } from "../../core/mod.ts";
import type { Report, Totals } from "./report.ts";

/** The report for people. */
export function* linesOf(report: Report): Generator<string> {
  const done = report.mode !== "plan";
  for (const { name, digest, reason } of report.refs.dropped) {
    yield `drop  ${name ?? digest}  ${reason}`;
  }
  for (const { digest, size, action, reason } of report.objects ?? []) {
    const word = action === "delete" && report.mode === "apply" ? "deleted" : action;
    yield `${word}  ${digest}  ${bytes(size)}  ${reason}`;
  }
  const sum = (name: keyof Totals) =>
    `${plural(report.blobs[name], "blob")}, ${bytes(report.bytes[name])}`;
  yield `references   ${report.refs.kept} kept, ${report.refs.dropped.length} ${
    done ? "dropped" : "to drop"
  }`;
  yield `live         ${sum("live")}`;
  if (done) yield `deleted      ${sum("deleted")}`;
  else yield `unreachable  ${sum("unreachable")}`;
  yield `waiting      ${sum("waiting")}`;
  const again = report.spared.rescued + report.spared.replaced;
  if (again > 0) yield `spared       ${plural(again, "blob")}, in use again`;
  if (report.restored.length > 0) {
    yield `restored     ${plural(report.restored.length, "blob")}, needed by another program`;
  }
  if (report.trash.bytes > 0) {
    yield `trash        ${bytes(report.trash.bytes)}, to be had back by undo`;
  }
  for (const digest of report.damaged) yield `DAMAGED      ${digest}  reachable, and gone`;
  for (const { digest, message } of report.failed) yield `failed       ${digest}  ${message}`;
  for (const { message, code } of report.warnings) yield `would fail   ${message}  [${code}]`;
  if (report.stopped !== undefined) yield `stopped      ${report.stopped}`;
}
