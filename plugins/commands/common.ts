import type { FlagTable } from "../../core/basics.ts";

/** The flags of every command. */
export const commonFlags = {
  "format": {
    type: "text",
    values: ["text", "json"],
    help: "how the result is written",
    default: "text",
    env: "STOWAGE_FORMAT",
  },
  "json": { type: "switch", help: "the same as --format json" },
  "progress": {
    type: "text",
    values: ["auto", "tty", "plain", "json", "none"],
    help: "what is shown on stderr while bytes move",
    default: "auto",
    env: "STOWAGE_PROGRESS",
  },
  "quiet": { type: "switch", short: "q", help: "no progress, a short result" },
  "verbose": { type: "switch", short: "v", many: true, help: "a line per blob; -vv: more" },
  "log-format": {
    type: "text",
    values: ["text", "json"],
    help: "how warnings and errors are written",
    default: "text",
    env: "STOWAGE_LOG_FORMAT",
  },
  "settings": {
    type: "text",
    placeholder: "FILE",
    help: "read the settings from this file",
    env: "STOWAGE_SETTINGS",
  },
  "stats": { type: "switch", help: "tell in the end what was asked of a store, and its cost" },
  "timeout": {
    type: "duration",
    help: "stop after this long, with exit code 124",
    env: "STOWAGE_TIMEOUT",
  },
  "help": { type: "switch", short: "h", help: "say how the command is used" },
} as const satisfies FlagTable;
