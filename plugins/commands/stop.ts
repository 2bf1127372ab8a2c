import { messageOf, OciError } from "../../core/basics.ts";
import type { ExitCodes } from "./failure.ts";
import type { Host, StopSignal } from "./host.ts";

/** How long the program may take to end once it was told to, in milliseconds. */
const PATIENCE = 10_000;

/** What ends a command before it is done: a signal, or its time. */
export interface Stop {
  readonly signal: AbortSignal;
  /** What ended it before it was done, if anything did. */
  ending(): StopSignal | "timeout" | undefined;
  /** Ends it after `ms` milliseconds. */
  after(ms: number): void;
  /** From now on SIGTERM is the proper end, and SIGHUP no end at all. */
  stay(onHangup: () => void): void;
  /** What is told of an error that the end brought about. */
  describe(error: unknown): OciError;
  /** Stops listening. */
  end(): void;
}

/** Listens for signals: the first aborts, a second ends the process at once, and so does too long a wait. */
export function startStop(host: Host, exits: ExitCodes): Stop {
  const abort = new AbortController();
  const over = new AbortController();
  let ending: StopSignal | "timeout" | undefined;
  let hangUp: (() => void) | undefined;
  const wait = (ms: number, then: () => void) => {
    void host.clock.sleep(ms, over.signal).then(then, () => {});
  };
  const stop = (why: StopSignal | "timeout") => {
    const code = exits[why];
    if (ending !== undefined) return host.exit(code);
    ending = why;
    abort.abort(new OciError("aborted", `Stopped by ${why}`));
    wait(PATIENCE, () => host.exit(code));
  };
  const deaf = host.onStop((signal) => signal === "SIGHUP" && hangUp ? hangUp() : stop(signal));
  return {
    signal: abort.signal,
    ending: () => hangUp && ending === "SIGTERM" ? undefined : ending,
    stay: (onHangup) => void (hangUp = onHangup),
    after: (ms) => wait(ms, () => stop("timeout")),
    describe: (error) => {
      const why = ending === "timeout" ? "its time is up" : `${ending} came`;
      return new OciError("aborted", `Stopped, as ${why}: nothing is half-written`, {
        cause: messageOf(error).startsWith("Stopped by") ? undefined : error,
      });
    },
    end: () => {
      over.abort();
      deaf();
    },
  };
}
