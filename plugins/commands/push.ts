import { checkName, defineBody, reading, startMeter, usageError } from "../../core/mod.ts";
import { entryOf, pinned } from "./entry.ts";
import { pushArtifact } from "./push_artifact.ts";
import { find } from "./find.ts";
import { type Plan, pushFlags, readPlan, subjectOf } from "./push_plan.ts";
import { openTarget } from "./target.ts";
import { plural } from "./text.ts";

/** `stowage push`. */
export default defineBody({
  usage: "PLACE[:tag] FILE[:TYPE]… [-[:TYPE]]",
  details: "Files become an artifact, as `oras push` makes it. The title of a file is its path " +
    "below the working directory, or its name if it lies elsewhere. The same files give the same " +
    "digest: no time is written unless it is asked for. Without a tag the artifact is listed " +
    "without a name.",
  flags: pushFlags,
  examples: [
    "stowage push --create ./store:v1 README.md:text/markdown",
    "stowage push ./store:v1 sbom.json:application/spdx+json --artifact-type application/spdx+json",
    "tar c docs | stowage push ./store:docs -:application/x-tar --name docs.tar",
    "stowage push ./store report.json --subject v1 --artifact-type application/vnd.example.report",
  ],
  names: ["sets", "reads"],
  positionals: [2, Infinity],
  async run(context) {
    const [target = ""] = context.positionals;
    const { place, name, digest } = context.reference(target);
    if (digest) throw usageError(`Cannot push to "${target}": what is pushed makes the digest`);
    const names = [...new Set([...(name === undefined ? [] : [name]), ...context.flags.tag])];
    if (context.flags.expect !== undefined && names.length !== 1) {
      throw usageError(`Cannot expect something of ${names.length} names: "--expect" needs one`);
    }
    const { "sign-key": key } = context.flags as { readonly "sign-key"?: string };
    if (key !== undefined && names.length === 0) {
      throw usageError('Cannot sign what gets no name: write "PLACE:tag", or give "--tag"');
    }
    reading(() => names.forEach(checkName));
    const plan = await readPlan(context, context.positionals);
    await using layout = await openTarget(context, place, context.flags);
    const subject = context.flags.subject === undefined
      ? undefined
      : await find(context, layout, subjectOf(context, place, context.flags.subject));
    const shown = context.print({ place });
    const meter = startMeter("push", shown, context.clock, (event) => {
      context.onEvent(event.type === "start" ? { ...event, ...totalsOf(plan) } : event);
    });
    let ok = false;
    try {
      const { entry, files } = await pushArtifact(context, layout, meter, {
        ...plan,
        subject,
        names,
      });
      ok = true;
      meter.end(ok);
      await context.result({
        schema: "stowage.push/1",
        place: shown,
        data: { entry: entryOf(entry, names), files, tally: meter.tally() },
        lines: names.length === 0
          ? [pinned(context, place, entry.digest)]
          : names.map((name) => pinned(context, place, entry.digest, name)),
      });
    } finally {
      if (!ok) {
        meter.end(false);
        const { sent, skipped } = meter.tally();
        const kept = plural(sent + skipped, "whole blob");
        if (context.signal.aborted) context.hint(`kept ${kept}; run the same command again`);
      }
    }
  },
});

/** What will be moved, as far as is known before. */
function totalsOf({ files, config }: Plan): { blobs: number; bytes?: number } {
  const blobs = files.length + 2;
  const sizes = [...files, ...config ? [config] : []].map(({ size }) => size);
  if (sizes.includes(undefined)) return { blobs };
  return { blobs, bytes: sizes.reduce<number>((sum, size = 0) => sum + size, 0) };
}
