import { join } from "node:path";
import { chunksOf, isOciError, type Layout, type Meter, OciError } from "../../core/mod.ts";
import { createPace, type Pace, paced } from "./pace.ts";
import { inPool } from "./pool.ts";
import type { Pull, Pulled, Wanted } from "./pull_choice.ts";
import { saveFile, standsAt } from "./save_file.ts";
import { plural } from "./text.ts";
import { partsOf } from "./titles.ts";

/** Looks at all places of files first, so that what stands in the way is told before anything is written. */
export async function pullAll(
  context: Pull,
  layout: Layout,
  meter: Meter,
  wanted: readonly Wanted[],
) {
  const { flags: { jobs, rate, "keep-going": keepGoing }, clock, signal, hint } = context;
  const pace = createPace(rate, clock, signal);
  const attempt = async <T>(one: Wanted, act: () => Promise<T>): Promise<T | Pulled> => {
    try {
      return await act();
    } catch (error) {
      if (!keepGoing || !isOciError(error) || signal.aborted) throw error;
      context.notice({ code: error.code, message: error.message, digest: one.layer.digest });
      return pulled(context, one, "left out", error.code);
    }
  };
  const seen = await inPool(wanted, jobs, (one) => attempt(one, () => look(context, one)));
  let written = 0;
  try {
    return await inPool([...wanted.entries()], jobs, async ([at, one]) => {
      meter.meet(one.layer.size);
      const now = seen[at] ?? await attempt(one, () => write(context, layout, meter, one, pace));
      if (now.state === "same") meter.settle(one.layer.digest, one.layer.size, "skipped");
      if (now.state !== "left out") written++;
      return now;
    });
  } catch (error) {
    if (signal.aborted) {
      hint(`kept ${written} of ${plural(wanted.length, "file")}; run the same command again`);
    }
    throw error;
  }
}

function pulled(
  { flags: { output } }: Pull,
  { title, layer: { digest, size } }: Wanted,
  state: Pulled["state"],
  reason?: string,
): Pulled {
  const path = join(output, ...partsOf(title));
  return { path, digest, size, state, ...(reason === undefined ? {} : { reason }) };
}

/** What is there already; nothing if it has to be written. */
async function look(context: Pull, one: Wanted): Promise<Pulled | undefined> {
  const { output, overwrite } = context.flags;
  const stands = await standsAt(output, partsOf(one.title), one.layer);
  if (stands === "same") return pulled(context, one, "same");
  if (stands === "nothing" || overwrite) return undefined;
  throw new OciError(
    "already_exists",
    `Cannot write ${JSON.stringify(join(output, ...partsOf(one.title)))}: it has other bytes; ` +
      `"--overwrite" replaces it`,
  );
}

async function write(
  context: Pull,
  layout: Layout,
  meter: Meter,
  one: Wanted,
  pace: Pace,
): Promise<Pulled> {
  const { layer: { digest, size }, title } = one;
  const stream = await layout.fetch(one.layer);
  const chunks = chunksOf(paced(stream, pace), { signal: context.signal, passing: true });
  const counted = counting(chunks, (done) => meter.moving(digest, done, size));
  try {
    await saveFile(context.flags.output, partsOf(title), counted, context.clock);
  } finally {
    await chunks.cancel();
  }
  meter.settle(digest, size, "done");
  return pulled(context, one, "written");
}

async function* counting(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  let done = 0;
  for await (const chunk of chunks) {
    onBytes(done += chunk.length);
    yield chunk;
  }
}
