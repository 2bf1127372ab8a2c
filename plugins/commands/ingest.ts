import {
  type CommandContext,
  defineBody,
  type FlagTable,
  type IngestStatus,
  startMeter,
  transferFlags,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import { pinned } from "./entry.ts";
import { fileSource, statFile } from "./local_file.ts";
import { createPace, paced } from "./pace.ts";
import { openTarget } from "./target.ts";
import { bytes, columns } from "./text.ts";

const flags = {
  "filter": {
    type: "text",
    many: true,
    placeholder: "FILTER",
    help: "list only writes like this: ref with ==, != or ~=",
  },
  "all": { type: "switch", help: "abort every write" },
  "older-than": { type: "duration", help: "with --all: only writes untouched for this long" },
  ...writeFlags,
  rate: transferFlags.rate,
} as const satisfies FlagTable;

type Context = CommandContext<typeof flags>;

/** `stowage ingest`. */
export default defineBody({
  usage: "list PLACE | abort PLACE REF…|--all | resume PLACE REF FILE|-",
  details:
    "Writes that are not finished: `list` shows them, `abort` removes their bytes, `resume` " +
    "goes on with one from the file it was begun with, and verifies the whole.",
  flags,
  examples: [
    "stowage ingest list ./store",
    "stowage ingest abort ./store --all --older-than 24h",
    "stowage ingest resume ./store upload-7 disk.img",
  ],
  words: ["list", "abort", "resume"],
  positionals: [2, Infinity],
  async run(context) {
    const [word = "", place = "", ...rest] = context.positionals;
    const act = new Map(Object.entries({ list, abort, resume })).get(word);
    if (!act) {
      throw usageError(`Cannot do ${JSON.stringify(word)}: write "list", "abort" or "resume"`);
    }
    await act(context, place, rest);
  },
});

async function list(context: Context, text: string, rest: readonly string[]): Promise<void> {
  const [stranger] = rest;
  if (stranger !== undefined) {
    throw usageError(`Cannot take ${JSON.stringify(stranger)}: one place`);
  }
  await using layout = await context.open(context.place(text), "read");
  await tell(context, text, await layout.statuses(...context.flags.filter));
}

async function abort(context: Context, text: string, refs: readonly string[]): Promise<void> {
  const { flags, clock } = context;
  const { all, "older-than": age } = flags;
  if (all === refs.length > 0) throw usageError('Cannot abort: name the writes, or say "--all"');
  if (age !== undefined && !all) throw usageError('Cannot take "--older-than" without "--all"');
  await using layout = await openTarget(context, context.place(text), flags);
  const aborted: IngestStatus[] = [];
  const chosen = all
    ? await layout.statuses()
    : await Promise.all(refs.map((ref) => layout.status(ref)));
  for (const status of chosen) {
    if (age !== undefined && clock.now() - status.updatedAt.getTime() < age) continue;
    await layout.abort(status.ref);
    aborted.push(status);
  }
  await tell(context, text, aborted);
}

async function tell(context: Context, place: string, ingests: readonly IngestStatus[]) {
  await context.result({
    schema: "stowage.ingest/1",
    place,
    data: { ingests },
    lines: context.quiet ? ingests.map(({ ref }) => ref) : columns(
      ingests.map(({ ref, offset, total, updatedAt }) => [
        ref,
        bytes(offset),
        total === undefined ? "-" : bytes(total),
        updatedAt.toISOString(),
      ]),
    ),
  });
}

async function resume(context: Context, text: string, rest: readonly string[]): Promise<void> {
  const { flags, terminal, clock, signal, hint } = context;
  const [ref = "", path = "", ...others] = rest;
  if (path === "" || others.length > 0) throw usageError("Cannot resume: write PLACE REF FILE");
  if (path !== "-" && (await statFile(path))?.kind === "folder") {
    throw usageError(`Cannot read ${JSON.stringify(path)}: it is a folder`);
  }
  const place = context.place(text);
  await using layout = await openTarget(context, place, flags);
  const { expected, total, offset } = await layout.status(ref);
  const meter = startMeter("resume", text, clock, context.onEvent);
  let ok = false;
  try {
    const pace = createPace(flags.rate, clock, signal);
    const source = path === "-" ? paced(terminal.stdin, pace) : fileSource(path, pace);
    const { digest, size } = await layout.writeBlob(ref, source, {
      ...(expected === undefined ? {} : { digest: expected }),
      ...(total === undefined ? {} : { size: total }),
    });
    meter.meet(size);
    meter.settle(digest, size, "done", offset);
    ok = true;
    meter.end(ok);
    await context.result({
      schema: "stowage.ingest/1",
      place: text,
      data: { digest, size, offset, tally: meter.tally() },
      lines: [pinned(context, place, digest)],
    });
  } finally {
    if (!ok) meter.end(false);
    if (signal.aborted) hint("what was written is kept; run the same command again");
  }
}
