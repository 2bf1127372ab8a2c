import type { FlagTable } from "../../core/mod.ts";

/** The flags of `stowage gc` that make it stay. */
export const scheduleFlags = {
  "every": { type: "duration", help: "stay, and run again so long after each run" },
  "cron": {
    type: "text",
    placeholder: "EXPR",
    help: 'stay, and run at these times, such as "30 3 * * *"',
  },
  "tz": { type: "text", placeholder: "ZONE", help: "the time zone of --cron (UTC)" },
  "jitter": {
    type: "duration",
    help: "come at random so much later (a tenth of --every; 0s with --cron)",
  },
  "metrics": {
    type: "text",
    placeholder: "FILE",
    help: "write OpenMetrics there after each run, such as for node_exporter",
  },
} as const satisfies FlagTable;
