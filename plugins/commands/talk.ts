import type { Clock, Notice, OnEvent, ProgressEvent, Terminal } from "../../core/basics.ts";
import { advance, plainLine, type Progress, summary, ttyLines } from "./progress.ts";
import { bytes, visible } from "./text.ts";

/** What is said on stderr while a command runs. */
export interface Talk {
  readonly onEvent: OnEvent;
  notice(notice: Notice): void;
  /** Takes what moves off the terminal. */
  close(): Promise<void>;
}

/** How a command talks. */
export interface TalkOptions {
  readonly mode: "auto" | "tty" | "plain" | "json" | "none";
  readonly quiet: boolean;
  readonly verbose: number;
  readonly logs: "text" | "json";
  /** Nothing is written, and the summary says so. */
  readonly dry?: boolean;
}

const EVERY = { tty: 100, plain: 10_000, json: 500 };

/** `auto` by where stderr goes. */
export function modeOf(
  options: TalkOptions,
  terminal: Terminal,
): "tty" | "plain" | "json" | "none" {
  if (options.mode !== "auto") return options.mode;
  if (options.quiet) return "none";
  const dull = !terminal.tty.err || terminal.env("CI") || terminal.env("TERM") === "dumb";
  return dull || options.logs === "json" ? "plain" : "tty";
}

/** Turns events into lines, bars and a summary. */
export function createTalk(terminal: Terminal, clock: Clock, options: TalkOptions): Talk {
  const mode = modeOf(options, terminal);
  const done = new AbortController();
  const told = new Map<string, number>();
  const noticed = new Set<string>();
  let progress: Progress | undefined;
  let ticking: Promise<void> | undefined;
  const json = (document: Record<string, unknown>) => {
    terminal.err(JSON.stringify({ time: new Date(clock.now()).toISOString(), ...document }));
  };
  const draw = () => {
    if (progress && mode === "tty") terminal.live(ttyLines(progress, terminal, clock.elapsed()));
    else if (progress && mode === "plain") terminal.err(plainLine(progress, clock.elapsed()));
  };
  const tick = async (every: number) => {
    while (!done.signal.aborted) {
      await clock.sleep(every, done.signal).catch(() => {});
      if (!done.signal.aborted) draw();
    }
  };
  const notice = ({ code, message, digest, ref }: Notice) => {
    if (noticed.has(code + message)) return;
    noticed.add(code + message);
    if (options.logs === "json") {
      json({ schema: "stowage.log/1", level: "warn", code, message, digest, ref });
    } else terminal.err(visible(`warning: ${message}  [${code}]`));
  };
  const tell = (event: ProgressEvent) => {
    const now = clock.elapsed();
    const moving = event.type === "blob" && event.state === "moving" ? event.digest : undefined;
    const what = event.type === "ingest" && !event.ended ? event.name : moving;
    if (what !== undefined) {
      if (now - (told.get(what) ?? -EVERY.json) < EVERY.json) return;
      told.set(what, now);
    }
    json({ schema: "stowage.progress/1", ...event });
  };
  return {
    notice,
    onEvent(event) {
      if (mode === "json") return tell(event);
      if (event.type === "notice") return notice(event);
      progress = advance(progress, event, clock.elapsed());
      if (event.type === "start" && (mode === "tty" || mode === "plain")) {
        ticking ??= tick(EVERY[mode]);
      }
      if (options.verbose > 0 && event.type === "blob" && event.state !== "moving") {
        terminal.err(`${event.digest}  ${event.state}  ${bytes(event.total ?? event.done)}`);
      }
      if (event.type !== "end") return;
      terminal.live([]);
      if (event.ok && mode !== "none" && !options.quiet) {
        terminal.err(summary(progress, event.tally, options.dry));
      }
      progress = undefined;
    },
    async close() {
      done.abort();
      await ticking;
      terminal.live([]);
    },
  };
}
