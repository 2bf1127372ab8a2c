import {
  type ErrorCode,
  isOciError,
  isUsage,
  messageOf,
  type Terminal,
} from "../../core/basics.ts";
import { clip, visible } from "./text.ts";

/** How a program ends other than well: by the code of its error, or by what stopped it. */
export type Ending =
  | ErrorCode
  | "usage"
  | "defect"
  | "timeout"
  | "SIGHUP"
  | "SIGINT"
  | "SIGTERM";

/** The exit code of each ending. */
export type ExitCodes = Readonly<Record<Ending, number>>;

/** The reason of an error that Ctrl-C makes where the terminal takes it for a character. */
export const INTERRUPTED = "interrupted";

/** The ending that an error makes. */
export function endingOf(error: unknown): Ending {
  if (!isOciError(error)) return "defect";
  if (error.reason === INTERRUPTED) return "SIGINT";
  return isUsage(error) ? "usage" : error.code;
}

/** How a failure is told. */
export interface Telling {
  /** What failed, such as `stowage copy`. */
  readonly who: string;
  readonly json: boolean;
  readonly exit: number;
  /** Ways out; two are shown at most. */
  readonly next: readonly string[];
  /** Show where in the code it happened. */
  readonly trace: boolean;
}

/** Tells of a failure on stderr: a line of JSON, or a sentence, its cause and what to do next. */
export function tellFailure(terminal: Terminal, error: unknown, telling: Telling): void {
  const { who, json, exit, trace } = telling;
  const next = telling.next.slice(0, 2);
  const known = isOciError(error) ? error : undefined;
  const code = known?.code ?? "internal";
  const message = messageOf(error);
  if (json) {
    const { reason, url: place, ref, digest } = known ?? {};
    terminal.err(JSON.stringify({
      schema: "stowage.error/1",
      code,
      reason,
      exit,
      message,
      place,
      ref,
      digest,
      next,
    }));
  } else {
    terminal.err(visible(`${who}: ${message}  [${known?.reason ?? code}]`));
    const cause = causeOf(error);
    if (cause && !message.includes(cause)) terminal.err(visible(`  cause: ${clip(cause, 500)}`));
    next.forEach((line, at) => terminal.err(visible(`  ${at === 0 ? "next:" : "     "}  ${line}`)));
  }
  if (!trace || !(error instanceof Error)) return;
  for (const line of error.stack?.split("\n").slice(1) ?? []) terminal.err(visible(line));
}

function causeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? undefined : messageOf(cause);
}
