import { defineBody, type Layout, startMeter, usageError } from "../../core/mod.ts";
import { bytesOut } from "./bytes_out.ts";
import { entryOf } from "./entry.ts";
import { find, referenceTo } from "./find.ts";
import { createPace, paced } from "./pace.ts";
import { assertTitles, choose, type Pull, pullFlags, type Wanted } from "./pull_choice.ts";
import { pullAll } from "./pull_files.ts";
import { plural } from "./text.ts";

/** `stowage pull`. */
export default defineBody({
  usage: "PLACE:ref",
  details: "Writes the files of an artifact under their titles, each verified before it gets its " +
    "name. A title that leads out of the folder is refused before anything is written. A file " +
    "that is there with the same bytes counts as written; one with others is an error.",
  flags: pullFlags,
  examples: [
    "stowage pull ./store:v1 -o out",
    "stowage pull ./store:v1 --include '*.json' -o -",
  ],
  names: ["reads"],
  positionals: [1, 1],
  async run(context) {
    const { flags, json, positionals: [text = ""] } = context;
    const reference = referenceTo(context, text);
    const toStdout = flags.output === "-";
    if (toStdout && json) throw usageError('Cannot write JSON beside the file of "-o -"');
    await using layout = await context.open(reference.place, "read");
    const { platform } = flags;
    const entry = await find(
      context,
      layout,
      reference,
      platform === undefined ? {} : { platform },
    );
    const { wanted, leftOut } = await choose(context, layout, entry);
    if (toStdout) return await oneToStdout(context, layout, wanted);
    assertTitles(wanted);

    const meter = startMeter("pull", text, context.clock, (event) =>
      context.onEvent(
        event.type === "start"
          ? {
            ...event,
            blobs: wanted.length,
            bytes: wanted.reduce((sum, one) => sum + one.layer.size, 0),
          }
          : event,
      ));
    let ok = false;
    try {
      const files = await pullAll(context, layout, meter, wanted);
      ok = files.every(({ state }) => state !== "left out");
      meter.end(ok);
      await context.result({
        schema: "stowage.pull/1",
        ok,
        place: context.print({ place: reference.place }),
        data: { entry: entryOf(entry), files: [...files, ...leftOut], tally: meter.tally() },
        lines: files.flatMap(({ path, state }) => state === "left out" ? [] : [path]),
      });
      return ok ? 0 : 7;
    } catch (error) {
      if (!ok) meter.end(false);
      throw error;
    }
  },
});

async function oneToStdout(
  context: Pull,
  layout: Layout,
  wanted: readonly Wanted[],
): Promise<void> {
  const [only, ...others] = wanted;
  if (!only || others.length > 0) {
    throw usageError(
      `Cannot write ${plural(wanted.length, "file")} to stdout: choose one with "--include"`,
    );
  }
  const { flags, clock, signal } = context;
  const stream = await layout.fetch(only.layer);
  await bytesOut(context, paced(stream, createPace(flags.rate, clock, signal)));
}
