import { type Digest, isOciError, startMeter } from "../../../core/mod.ts";
import { createPace } from "../pace.ts";
import { inPool } from "../pool.ts";
import type { Fault } from "./faults.ts";
import type { Check } from "./run.ts";
import { isSound } from "./sound.ts";

/** Reads blobs to their end, a few at once; gives the bytes read, those of the manifests before included. */
export async function readAll(
  { context, layout, faults, options }: Check,
  blobs: ReadonlyMap<Digest, number>,
  nodes: ReadonlyMap<Digest, number>,
): Promise<number> {
  const { clock, signal, onEvent } = context;
  const { jobs, rate, "keep-going": keepGoing } = options;
  const pace = createPace(rate, clock, signal);
  const totals = { blobs: blobs.size, bytes: blobs.values().reduce((sum, size) => sum + size, 0) };
  const meter = startMeter(
    "check",
    layout.url.href,
    clock,
    (event) => onEvent(event.type === "start" ? { ...event, ...totals } : event),
  );
  let bytes = 0;
  for (const size of nodes.values()) {
    meter.meet(size);
    bytes += size;
  }

  /** What is wrong with a blob, if anything. */
  async function judge(digest: Digest, size: number): Promise<Fault | undefined> {
    let done = 0;
    try {
      const sound = await isSound(layout.store, digest, (count) => {
        bytes += count;
        meter.moving(digest, done += count, size);
        return pace(count);
      });
      return sound ? undefined : { digest, code: "corrupt", message: "hash differs" };
    } catch (error) {
      if (!isOciError(error)) throw error;
      const { code, message } = error;
      if (code === "not_found") return { digest, code, message: "missing" };
      if (code === "corrupt" || (code === "unavailable" && keepGoing)) {
        return { digest, code, message };
      }
      if (code !== "unsupported") throw error;
      faults.warn({ code, message, digest });
      return undefined;
    }
  }

  let ok = false;
  try {
    // What was mended before was verified then.
    const unread = [...blobs].filter(([digest]) => !faults.has(digest));
    await inPool(unread, jobs, async ([digest, size]) => {
      meter.meet(size);
      const fault = await judge(digest, size);
      if (!fault) return meter.settle(digest, size, "done");
      onEvent({ type: "blob", id: "check", digest, state: "failed", done: size, total: size });
      await faults.report(fault);
    });
    ok = true;
    return bytes;
  } finally {
    meter.end(ok);
  }
}
