import type { ProgressEvent, Tally } from "../../core/basics.ts";
import { bytes, cells, clip, pad, plural, seconds, visible } from "./text.ts";

/** What is known of a transfer from its events. */
export interface Progress {
  readonly action: string;
  readonly place: string;
  /** What the whole will be, if that was said. */
  readonly total: { readonly blobs?: number; readonly bytes?: number };
  readonly moving: ReadonlyMap<string, { readonly done: number; readonly total: number }>;
  /** Blobs in place, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
  /** Bytes of blobs that were moved to their end. */
  readonly moved: number;
  readonly references: number;
  /** Bytes moved by the clock: the last seconds. */
  readonly samples: readonly { readonly at: number; readonly moved: number }[];
}

/** Where it is drawn. */
export interface Window {
  readonly width: number;
  readonly height: number;
  readonly unicode: boolean;
}

const WINDOW = 10_000;

/** The progress after an event; `now` in milliseconds that never go back. */
export function advance(before: Progress | undefined, event: ProgressEvent, now: number): Progress {
  if (event.type === "start" || !before) {
    const { action, place, blobs, bytes } = event.type === "start"
      ? event
      : { action: event.id, place: "" };
    return {
      action,
      place,
      total: {
        ...(blobs === undefined ? {} : { blobs }),
        ...(bytes === undefined ? {} : { bytes }),
      },
      moving: new Map(),
      blobs: 0,
      bytes: 0,
      moved: 0,
      references: 0,
      samples: [{ at: now, moved: 0 }],
    };
  }
  if (event.type === "reference") return { ...before, references: before.references + 1 };
  const moving = new Map(before.moving);
  if (event.type === "ingest") {
    const { name, done, total = done } = event;
    if (event.ended) moving.delete(name);
    else moving.set(name, { done, total });
    return event.ended ? { ...before, moving } : sampled({ ...before, moving }, now);
  }
  if (event.type !== "blob") return before;
  if (event.state === "moving") {
    moving.set(event.digest, { done: event.done, total: event.total ?? event.done });
    return sampled({ ...before, moving }, now);
  }
  moving.delete(event.digest);
  if (event.state === "failed") return { ...before, moving };
  const size = event.total ?? event.done;
  return sampled({
    ...before,
    moving,
    blobs: before.blobs + 1,
    bytes: before.bytes + size,
    moved: before.moved + (event.state === "done" ? size : 0),
  }, now);
}

/** At most one sample a second, of the last ten. */
function sampled(progress: Progress, now: number): Progress {
  const last = progress.samples.at(-1);
  if (last && now - last.at < 1000) return progress;
  const samples = [
    ...progress.samples.filter(({ at }) => now - at <= WINDOW),
    { at: now, moved: movedBy(progress) },
  ];
  return { ...progress, samples };
}

function movedBy({ moved, moving }: Progress): number {
  return [...moving.values()].reduce((sum, { done }) => sum + done, moved);
}

/** Bytes a second of late. */
function rateOf(progress: Progress, now: number): number {
  const [first] = progress.samples;
  if (!first || now <= first.at) return 0;
  return (movedBy(progress) - first.moved) / (now - first.at) * 1000;
}

/** One line for the whole: `copy 3/18 blobs 412.0 MiB/1.2 GiB 34% 41.3 MiB/s eta 20s`. */
export function plainLine(progress: Progress, now: number): string {
  const { action, total, blobs, moving } = progress;
  const done = [...moving.values()].reduce((sum, { done }) => sum + done, progress.bytes);
  const rate = rateOf(progress, now);
  const left = total.bytes === undefined ? 0 : total.bytes - done;
  return [
    action,
    total.blobs === undefined ? plural(blobs, "blob") : `${blobs}/${total.blobs} blobs`,
    total.bytes === undefined ? bytes(done) : `${bytes(done)}/${bytes(total.bytes)}`,
    ...(total.bytes ? [percent(done, total.bytes)] : []),
    ...(rate > 0 ? [`${bytes(Math.round(rate))}/s`] : []),
    ...(rate > 0 && left > 0 ? [`eta ${Math.ceil(left / rate)}s`] : []),
  ].join(" ");
}

/** What a terminal shows: a line per moving blob, five at most, and one for the whole. */
export function ttyLines(progress: Progress, window: Window, now: number): string[] {
  const room = Math.max(0, Math.min(5, window.height - 2));
  const moving = [...progress.moving].slice(0, room).map(([what, { done, total }]) => {
    const name = clip(visible(what), 19);
    const sizes = `${bytes(done)}/${bytes(total)}`;
    const numbers = `${percent(done, total).padStart(4)}  ${sizes}`;
    const width = Math.min(30, window.width - cells(name) - cells(numbers) - 7);
    const drawn = width < 4
      ? ""
      : `  ${bar(total === 0 ? 1 : done / total, width, window.unicode)}`;
    return `${pad(name, 19)}${drawn}  ${numbers}`;
  });
  return [...moving, plainLine(progress, now)].map((line) => clip(line, window.width - 1));
}

function bar(share: number, width: number, unicode: boolean): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  const [on, off] = unicode ? ["█", "░"] : ["#", "."];
  return on.repeat(full) + off.repeat(width - full);
}

function percent(done: number, total: number): string {
  return total === 0 ? "100%" : `${Math.floor(Math.min(1, done / total) * 100)}%`;
}

const PAST: Readonly<Record<string, string>> = { copy: "Copied", push: "Pushed", pull: "Pulled" };

/** What is said in the end: `Copied 3 references: 41 blobs, 1.2 GiB; 18 already there, 12.4 s`. */
export function summary(progress: Progress, tally: Tally, dry = false): string {
  const { action, references } = progress;
  const done = PAST[action] ?? `${action.charAt(0).toUpperCase()}${action.slice(1)}ed`;
  const past = dry ? `Would have ${done.toLowerCase()}` : done;
  const blobs = `${plural(tally.blobs, "blob")}, ${bytes(tally.bytes)}`;
  const rest = [
    `${tally.skipped} already there`,
    ...(tally.adopted > 0 ? [`${tally.adopted} linked`] : []),
    ...(tally.resumed > 0 ? [`${tally.resumed} resumed`] : []),
    seconds(tally.seconds),
  ];
  const what = references > 0 ? `${plural(references, "reference")}: ${blobs}` : blobs;
  return visible(`${past} ${what}; ${rest.join(", ")}`);
}
