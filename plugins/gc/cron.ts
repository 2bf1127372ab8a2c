// The one door to croner: it reads expressions and counts with time zones; its own timers are not used.
import { Cron } from "npm:croner@11.0.1";
import { OciError } from "../../core/mod.ts";

/**
 * The moments that a cron expression names, in a time zone: for a moment the first one after it, in milliseconds, or
 * undefined if there is none any more.
 *
 * @throws {OciError} `invalid` for an expression or a time zone that cannot be read.
 */
export function cronTimes(
  expression: string,
  zone: string,
): (after: number) => number | undefined {
  assertZone(zone);
  try {
    const cron = new Cron(expression, { paused: true, timezone: zone });
    return (after) => cron.nextRun(new Date(after))?.getTime();
  } catch (cause) {
    throw new OciError(
      "invalid",
      `Cannot read ${JSON.stringify(expression)} as a schedule: write "30 3 * * *" ` +
        `for half past three each day`,
      { cause },
    );
  }
}

function assertZone(zone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
  } catch (cause) {
    throw new OciError(
      "invalid",
      `Cannot find the time zone ${JSON.stringify(zone)}: write "UTC" or "Europe/Berlin"`,
      { cause },
    );
  }
}
