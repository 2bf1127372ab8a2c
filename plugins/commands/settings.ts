import { complaint, usageError, z } from "../../core/mod.ts";
import { closest } from "./suggest.ts";

const text = z.string().check(z.minLength(1));
const settings = z.strictObject({
  schema: z.literal("stowage.settings/1"),
  comment: z.optional(z.string()),
  default: z.optional(text),
  places: z.optional(z.record(text, text)),
  format: z.optional(text),
  progress: z.optional(text),
  logFormat: z.optional(text),
  jobs: z.optional(z.number()),
  rate: z.optional(text),
  lockWait: z.optional(text),
  timeout: z.optional(text),
});

/** What a settings file says. */
export type Settings = z.infer<typeof settings>;

/** The settings that stand in for flags, by the flag. */
export function flagsOf(settings: Settings): Record<string, string> {
  const { format, progress, logFormat, jobs, rate, lockWait, timeout } = settings;
  const flags = {
    format,
    progress,
    "log-format": logFormat,
    jobs,
    rate,
    "lock-wait": lockWait,
    timeout,
  };
  return Object.fromEntries(
    Object.entries(flags).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]]
    ),
  );
}

/**
 * Judges the text of a settings file.
 *
 * @throws {OciError} `invalid` with reason `usage`, naming the file and the member.
 */
export function readSettings(text: string, path: string): Settings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageError(`Cannot read the settings ${JSON.stringify(path)}: they are no JSON`);
  }
  const known = Object.keys(settings.def.shape);
  const unknown = value !== null && typeof value === "object"
    ? Object.keys(value).find((name) => !known.includes(name))
    : undefined;
  const [nearest] = unknown === undefined ? [] : closest(unknown, known);
  const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  const why = unknown === undefined
    ? complaint(settings, value)
    : `no such key: "${unknown}"${hint}`;
  if (why === undefined) return value as Settings;
  throw usageError(`Cannot read the settings ${JSON.stringify(path)}: ${why}`);
}
