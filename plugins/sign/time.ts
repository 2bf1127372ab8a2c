const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const DURATION = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** Milliseconds since 1970 as a time in whole seconds. */
export function printTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The milliseconds of a time such as `2026-11-22T00:00:00Z`; undefined for any other spelling. */
export function readTime(text: unknown): number | undefined {
  if (typeof text !== "string" || !TIME.test(text)) return undefined;
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && printTime(ms) === text ? ms : undefined;
}

/** The milliseconds of a duration such as `P90D` or `PT5M`; no weeks, months and years. */
export function readIsoDuration(text: unknown): number | undefined {
  const [all, ...parts] = typeof text === "string" ? DURATION.exec(text) ?? [] : [];
  if (all === undefined || !/\d/.test(all) || all.endsWith("T")) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.map((part) => Number(part ?? 0));
  const ms = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
  return Number.isSafeInteger(ms) ? ms : undefined;
}
