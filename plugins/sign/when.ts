import { OciError, readDuration } from "../../core/mod.ts";
import { readIsoDuration, readTime } from "./time.ts";

/** The milliseconds of a time, or of now and a duration such as `90d` or `P90D`. */
export function endOf(when: string, now: number): number {
  const time = readTime(when);
  if (time !== undefined) return time;
  const span = readIsoDuration(when) ?? readDuration(when);
  if (span !== undefined && Number.isSafeInteger(now + span) && now + span < 253_402_300_800_000) {
    return now + span;
  }
  throw new OciError(
    "invalid",
    `Cannot read ${
      JSON.stringify(when)
    }: write a duration such as "90d", or a time such as "2027-01-01T00:00:00Z"`,
  );
}
