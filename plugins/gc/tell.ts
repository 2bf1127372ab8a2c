import {
  bytes,
  collectionOf,
  columns,
  condemnedDigests,
  nameOf,
  plural,
  shardsOf,
  usageError,
} from "../../core/mod.ts";
import type { GcContext } from "./flags.ts";
import { loadState } from "./state.ts";
import { undo } from "./undo.ts";

/** `gc status`: how far the last collection has come, and what lies in the trash. */
export async function runStatus(context: GcContext, text: string): Promise<void> {
  await using layout = await context.open(context.place(text), "read");
  const { store } = layout;
  const { epoch, state, run } = collectionOf(await store.root.load());
  const known = await loadState(store);
  const ours = known && known.run === run ? known : undefined;
  let condemned = 0;
  for (const shard of ours && state === "open" ? shardsOf(ours) : []) {
    if (!ours || ours.shards[shard.kind][shard.at] !== "C") continue;
    condemned += (await condemnedDigests(store.backend.docs, ours, shard)).size;
  }
  const trash = { blobs: 0, bytes: 0 };
  for await (const { size } of store.backend.blobs.trash?.list() ?? []) {
    trash.blobs++;
    trash.bytes += size;
  }
  const times = ours
    ? {
      started: new Date(ours.t0).toISOString(),
      notBefore: new Date(ours.notBefore).toISOString(),
      rescued: ours.rescued.length,
    }
    : {};
  await context.result({
    schema: "stowage.gc-status/1",
    place: text,
    data: { epoch, state, ...(run === "" ? {} : { run }), ...times, condemned, trash },
    lines: columns([
      ["collections", `${epoch}`],
      ["last", epoch === 0 ? "none" : state === "done" ? "over" : state],
      ...(ours ? [["started", new Date(ours.t0).toISOString()]] : []),
      ...(condemned > 0 && ours
        ? [["condemned", `${plural(condemned, "blob")}, not before ${times.notBefore}`]]
        : []),
      ["trash", `${plural(trash.blobs, "blob")}, ${bytes(trash.bytes)}`],
    ]),
  });
}

/** `gc undo`: takes the last collection back. */
export async function runUndo(context: GcContext, text: string): Promise<void> {
  if (context.flags["dry-run"]) throw usageError('Cannot take "--dry-run" with undo');
  await using layout = await context.open(context.place(text), "write");
  const { entries, left, blobs } = await undo(layout.store);
  await context.result({
    schema: "stowage.gc-undo/1",
    place: text,
    data: { entries, left, blobs },
    lines: [
      ...entries.map((entry) => `back  ${nameOf(entry) ?? entry.digest}`),
      ...left.map((entry) => `left  ${nameOf(entry) ?? entry.digest}  its name is taken`),
      plural(blobs.length, "blob") + " back from the trash",
    ],
  });
}
