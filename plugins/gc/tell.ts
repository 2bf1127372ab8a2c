import {
  bytes,
  collectionOf,
  columns,
  condemnedDigests,
  nameOf,
  plural,
  shardsOf,
} from "../../core/mod.ts";
import { type GcContext, policyOf, requestOf } from "./flags.ts";
import { optionsOf } from "./library.ts";
import { makePlan, type Plan } from "./plan.ts";
import { loadState } from "./state.ts";
import { undo } from "./undo.ts";
import { usageError } from "./usage.ts";

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

interface Explained {
  readonly keep: boolean;
  readonly rule: string;
  readonly reason: string;
  /** When it goes, as far as time alone decides. */
  readonly until?: number;
}

/** `gc explain`: what becomes of a name or a digest, by which rule, and when. */
export async function runExplain(context: GcContext, text: string): Promise<void> {
  const { place, name, digest } = context.reference(text);
  if (name === undefined && digest === undefined) {
    throw usageError(`Cannot explain ${JSON.stringify(text)}: name a reference in it`);
  }
  const policy = await policyOf(context);
  await using layout = await context.open(place, "read");
  const options = optionsOf(layout.store, requestOf(context, policy));
  const found = await layout.resolve(digest ?? name ?? "");
  const plan = await makePlan(layout.store, options);
  const { until, ...why } = explain(plan, found.digest, name, options.grace);
  const goes = until === undefined ? {} : { goes: new Date(until).toISOString() };
  await context.result({
    schema: "stowage.gc-explain/1",
    place: context.print({ place }),
    data: { ...(name === undefined ? {} : { name }), digest: found.digest, ...why, ...goes },
    lines: columns([
      [why.keep ? "keep" : "drop", name ?? found.digest, `rule ${why.rule}`, why.reason],
      ...(until === undefined ? [] : [["goes", new Date(until).toISOString()]]),
    ]),
  });
}

function explain(plan: Plan, digest: string, name: string | undefined, grace: number): Explained {
  const verdict = plan.verdicts.find(({ entry }) =>
    name === undefined ? entry.digest === digest : nameOf(entry) === name
  );
  if (verdict) {
    const { keep, rule, reason, until } = verdict;
    return { keep, rule, reason, ...(until === undefined ? {} : { until }) };
  }
  const tie = plan.ties.find(({ target }) => target.digest === digest);
  if (tie) {
    const keep = plan.mark.live.has(tie.target.digest);
    return { keep, rule: "referrer", reason: `lives and dies with ${tie.subject}` };
  }
  const young = plan.waiting.find(({ blob }) => blob.digest === digest);
  if (young) {
    const since = young.blob.modified?.getTime();
    const until = since === undefined ? {} : { until: since + grace };
    return { keep: false, rule: "grace", reason: "nothing reaches it, but it is young", ...until };
  }
  if (plan.candidates.some(({ blob }) => blob.digest === digest)) {
    return { keep: false, rule: "unreachable", reason: "nothing reaches it" };
  }
  const foreign = !/^sha(256|512):/.test(digest);
  return {
    keep: true,
    rule: foreign ? "unknown algorithm" : "reachable",
    reason: foreign ? `${digest.split(":")[0]} is not ours to judge` : "something kept needs it",
  };
}
