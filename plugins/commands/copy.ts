import {
  checkName,
  defineBody,
  type Layout,
  messageOf,
  type Place,
  reading,
  type Reference,
  usageError,
} from "../../core/mod.ts";
import { type Copied, copyAll, startOver } from "./copy_all.ts";
import { assertSelection, type Copy, copyFlags, namesFor, optionsOf } from "./copy_plan.ts";
import { askForDocker, isArchive, isStream } from "./copy_archive.ts";
import { readKnown } from "./copy_known.ts";
import { type Run, startRun } from "./copy_run.ts";
import { openSources } from "./copy_sources.ts";
import { pinned } from "./entry.ts";
import { openTarget } from "./target.ts";

/** `stowage copy`. */
export default defineBody({
  usage: "SRC[:ref]… DST[:ref]",
  details:
    "Copies from any place to any place what is not there yet. The names of one source are " +
    "set in one step, once all is in place. Without a reference the only entry of the source is " +
    "meant. Run again after an interruption, it goes on where it was.",
  flags: copyFlags,
  examples: [
    "stowage copy --referrers ./store:v1 s3://images/team",
    "stowage copy --create --all ./store ./twin",
    "stowage copy --platform linux/arm64 ./store:v1 ./small:v1-arm64",
    "stowage copy ./store:v1 ./store:v2 - | ssh vault stowage copy --all - /srv/oci",
    "stowage copy --except ./known.txt ./store:v2 bundle.tar",
  ],
  names: ["reads", "sets"],
  positionals: [2, Infinity],
  async run(context) {
    const { flags, positionals } = context;
    const references = positionals.map((text) => context.reference(text));
    const to = references.pop();
    if (!to) return;
    if (to.digest) {
      throw usageError("Cannot copy to a digest: name the target by a tag, or not at all");
    }
    assertSelection(context, references);
    reading(() => flags.tag.forEach(checkName));
    if (flags["docker-compat"] && !isArchive(to.place)) {
      throw usageError('Cannot take "--docker-compat": docker loads archives only');
    }
    const filter = await readKnown(context);

    await using opened = new AsyncDisposableStack();
    const sources = await openSources(context, references, flags, opened);
    const as = namesFor(context, sources, to.name);
    const target = opened.use(
      await openTarget(context, to.place, {
        ...flags,
        create: flags.create || isArchive(to.place),
      }),
    );
    if (flags["docker-compat"]) await askForDocker(target);
    if (!flags.resume) await startOver(sources, target);
    const shown = context.print({ place: to.place });
    const run = startRun(shown, flags["dry-run"], context.onEvent);
    const options = {
      ...optionsOf(context),
      ...inOrder(references),
      ...(filter ? { filter, sparse: true } : {}),
      ...as,
    };
    let ended = false;
    try {
      const { copied, failed } = await copyAll(context, sources, target, {
        ...options,
        onEvent: run.onEvent,
      });
      const ok = failed.length === 0;
      run.end(ok);
      ended = true;
      // Standard output is the archive then.
      if (isStream(to.place)) return ok ? 0 : 7;
      await context.result({
        schema: "stowage.copy/1",
        ok,
        place: shown,
        data: {
          copied: copied.map((one) => toJson(context, one)),
          ...(flags["keep-going"] ? { failed } : {}),
          tally: run.tally(),
        },
        lines: copied.flatMap((one) => toLines(context, to.place, one)),
      });
      return ok ? 0 : 7;
    } catch (error) {
      if (!ended) await interrupted(context, run, target);
      throw error;
    }
  },
});

/** A stream is read from its beginning to its end: by one at a time nothing has to be put aside. */
function inOrder(from: readonly Reference[]): { jobs?: number } {
  return from.some(({ place }) => isStream(place)) ? { jobs: 1 } : {};
}

function toJson(context: Copy, { reference, from }: Copied) {
  const { descriptor, source, names, previous } = reference;
  return {
    source: pinned(context, from, source),
    digest: descriptor.digest,
    names,
    ...(previous === undefined ? {} : { previous }),
  };
}

function toLines(context: Copy, place: Place, { reference, asked }: Copied): string[] {
  const { names, descriptor: { digest } } = reference;
  if (names.length === 0) return asked ? [pinned(context, place, digest)] : [];
  return names.map((name) => pinned(context, place, digest, name));
}

/** Tells what a copy that was stopped has left for the next one. */
async function interrupted({ signal, hint, notice }: Copy, run: Run, target: Layout) {
  run.end(false);
  if (!signal.aborted) return;
  try {
    hint(`${await run.kept(target)}; run the same command again`);
  } catch (error) {
    notice({ code: "unknown", message: `Cannot tell what was kept: ${messageOf(error)}` });
  }
}
