import type { Report } from "./report.ts";

/** What a run of a place came to. */
export interface Run {
  /** Skipped: somebody else was collecting it. */
  readonly outcome: "ok" | "failed" | "skipped";
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly finished: number;
  /** What it found and did, if it came that far. */
  readonly report?: Report;
}

/** The samples of a place: by the name of the family, and after a blank its state where it has one. */
export type Samples = Readonly<Record<string, number>>;

const FAMILIES: Readonly<Record<string, readonly ["counter" | "gauge", string]>> = {
  stowage_gc_runs: ["counter", "Collections that were begun."],
  stowage_gc_failures: ["counter", "Collections that failed."],
  stowage_gc_skipped_runs: ["counter", "Runs left out, as another collection was under way."],
  stowage_gc_dropped_references: ["counter", "References that rules let go."],
  stowage_gc_deleted_blobs: ["counter", "Blobs deleted."],
  stowage_gc_deleted_bytes: ["counter", "Bytes of the blobs deleted."],
  stowage_gc_last_run_timestamp_seconds: ["gauge", "When the last collection ended."],
  stowage_gc_last_success_timestamp_seconds: ["gauge", "When the last good collection ended."],
  stowage_gc_last_duration_seconds: ["gauge", "How long the last collection took."],
  stowage_gc_last_deleted_bytes: ["gauge", "Bytes that the last good collection deleted."],
  stowage_place_references: ["gauge", "References that are kept."],
  stowage_place_blobs: ["gauge", "Blobs, by what is known of them."],
  stowage_place_bytes: ["gauge", "Bytes of blobs, by what is known of them."],
};

/** The samples after a run: counters go on, what it has not found out stays as it was. Pure. */
export function noted(before: Samples, { outcome, started, finished, report }: Run): Samples {
  const count = (name: string, more: number) => ({ [name]: (before[name] ?? 0) + more });
  if (outcome === "skipped") return skipped(before, 1);
  return {
    ...before,
    ...count("stowage_gc_runs", 1),
    ...count("stowage_gc_failures", outcome === "failed" ? 1 : 0),
    ...count("stowage_gc_skipped_runs", 0),
    ...count("stowage_gc_dropped_references", report?.refs.dropped.length ?? 0),
    ...count("stowage_gc_deleted_blobs", report?.blobs.deleted ?? 0),
    ...count("stowage_gc_deleted_bytes", report?.bytes.deleted ?? 0),
    stowage_gc_last_run_timestamp_seconds: finished / 1000,
    ...(outcome === "ok" ? { stowage_gc_last_success_timestamp_seconds: finished / 1000 } : {}),
    stowage_gc_last_duration_seconds: (finished - started) / 1000,
    ...(report ? found(report) : {}),
  };
}

/** The samples after so many runs that were left out. Pure. */
export function skipped(before: Samples, runs: number): Samples {
  return { ...before, stowage_gc_skipped_runs: (before["stowage_gc_skipped_runs"] ?? 0) + runs };
}

function found({ refs, blobs, bytes }: Report): Samples {
  const states = ["live", "waiting"] as const;
  const unreachable = "unreachable";
  return {
    stowage_gc_last_deleted_bytes: bytes.deleted,
    stowage_place_references: refs.kept,
    ...Object.fromEntries(
      states.flatMap((state) => [
        [`stowage_place_blobs ${state}`, blobs[state]],
        [`stowage_place_bytes ${state}`, bytes[state]],
      ]),
    ),
    [`stowage_place_blobs ${unreachable}`]: Math.max(0, blobs.unreachable - blobs.deleted),
    [`stowage_place_bytes ${unreachable}`]: Math.max(0, bytes.unreachable - bytes.deleted),
  };
}

/** The samples of all places as OpenMetrics, which the text format of Prometheus takes as well. */
export function printMetrics(places: ReadonlyMap<string, Samples>): string {
  const lines = Object.entries(FAMILIES).flatMap(([name, [type, help]]) => {
    const samples = [...places].flatMap(([place, samples]) =>
      Object.entries(samples).flatMap(([key, value]) => {
        const [family, state] = key.split(" ");
        if (family !== name) return [];
        const labels = `place="${escaped(place)}"${state ? `,state="${state}"` : ""}`;
        return [`${name}${type === "counter" ? "_total" : ""}{${labels}} ${value}`];
      })
    );
    return samples.length === 0
      ? []
      : [`# TYPE ${name} ${type}`, `# HELP ${name} ${help}`, ...samples];
  });
  return [...lines, "# EOF", ""].join("\n");
}

const SAMPLE = /^(\w+?)(?:_total)?\{place="((?:[^"\\]|\\.)*)"(?:,state="(\w+)")?\} (\S+)$/;

/** The samples that a file of an earlier run holds; what is not ours is passed over. */
export function parseMetrics(text: string): Map<string, Samples> {
  const places = new Map<string, Samples>();
  for (const line of text.split("\n")) {
    const [, name = "", label = "", state, digits = ""] = SAMPLE.exec(line) ?? [];
    const value = Number(digits);
    if (!Object.hasOwn(FAMILIES, name) || !Number.isFinite(value)) continue;
    const place = label.replace(/\\(.)/g, (_, one) => one === "n" ? "\n" : one);
    places.set(place, { ...places.get(place), [state ? `${name} ${state}` : name]: value });
  }
  return places;
}

function escaped(label: string): string {
  return label.replace(/[\\"\n]/g, (one) => one === "\n" ? "\\n" : `\\${one}`);
}
