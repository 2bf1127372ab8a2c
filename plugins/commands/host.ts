import process from "node:process";
import { type Clock, systemClock, type Terminal } from "../../core/basics.ts";
import { processTerminal } from "./terminal.ts";

/** A signal that ends the program. */
export type StopSignal = "SIGHUP" | "SIGINT" | "SIGTERM";

/** What the program has of its machine. */
export interface Host {
  /** The arguments, without the program. */
  readonly argv: readonly string[];
  /** Where it speaks. */
  readonly terminal: Terminal;
  /** Time and chance. */
  readonly clock: Clock;
  /** The working directory. */
  cwd(): string;
  /** Such as `linux` and `win32`. */
  readonly platform: string;
  /** Hears the signals that end the program; the function that comes back ends the hearing. */
  onStop(listener: (signal: StopSignal) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** This process. */
export function processHost(): Host {
  return {
    argv: process.argv.slice(2),
    terminal: processTerminal(),
    clock: systemClock,
    cwd: () => process.cwd(),
    platform: process.platform,
    onStop(listener) {
      const ends = (["SIGHUP", "SIGINT", "SIGTERM"] as const).map((signal) => {
        const heard = () => listener(signal);
        process.on(signal, heard);
        return () => process.off(signal, heard);
      });
      return () => ends.forEach((end) => end());
    },
    exit: (code) => process.exit(code),
  };
}
