import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, fileError, uniqueName, unlessMissing, usageError } from "../../core/mod.ts";
import { noted, parseMetrics, printMetrics, type Run, type Samples, skipped } from "./metrics.ts";

/** The file that tells a monitor how collections go. */
export interface MetricsFile {
  /** Takes up what a run of a place came to; nothing is written yet. */
  note(place: string, run: Run): void;
  /** Counts runs of a place that were left out. */
  skip(place: string, count: number): void;
  /** Replaces the file whole. */
  write(): Promise<void>;
}

/**
 * Opens the metrics of these places. Counters go on where an earlier process left them.
 *
 * @throws {OciError} `invalid` with reason `usage` for a file that holds something else, and as a file does.
 */
export async function openMetrics(
  path: string,
  places: readonly string[],
  clock: Clock,
): Promise<MetricsFile> {
  const former = parseMetrics(await readFormer(path));
  const samples = new Map<string, Samples>(
    places.flatMap((place) => {
      const before = former.get(place);
      return before ? [[place, before] as const] : [];
    }),
  );
  return {
    note: (place, run) => void samples.set(place, noted(samples.get(place) ?? {}, run)),
    skip: (place, count) => void samples.set(place, skipped(samples.get(place) ?? {}, count)),
    write: () => replace(path, printMetrics(samples), clock),
  };
}

async function readFormer(path: string): Promise<string> {
  let text: string | undefined;
  try {
    text = await unlessMissing(readFile(path, "utf8"));
  } catch (error) {
    throw fileError(error, `Cannot read the metrics in ${JSON.stringify(path)}`, "read");
  }
  if (!text || text.endsWith("# EOF\n")) return text ?? "";
  throw usageError(`Cannot write metrics over ${JSON.stringify(path)}: it holds something else`);
}

/** Writes beside the file, under a name that no collector of `*.prom` takes, then renames. */
async function replace(path: string, text: string, clock: Clock): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.${uniqueName(clock)}`);
  try {
    await writeFile(part, text, { flag: "wx" });
    await chmod(part, 0o644);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw fileError(error, `Cannot write the metrics to ${JSON.stringify(path)}`);
  }
}
