// Names and schemas of the documents that writers and collectors share. The protocol: a collector writes down what it
// condemns, then moves the epoch of the index on by a swap (the fence), then claims shards of the condemned one by one.
import type { Docs } from "./backend.ts";
import { type Digest, splitDigest } from "./digest.ts";
import { type Schema, z } from "./schema.ts";

/** The name of the state document. */
export const STATE = ".stowage/gc/state.json";

/** `C` condemned, `D` being deleted until its deadline, `X` over. They only move on: C, D, X or C, X. */
export type ShardPhase = "C" | "D" | "X";

/** A collector's right to delete a shard until a deadline. */
export interface Claim {
  readonly id: string;
  /** Milliseconds since 1970, by the store's clock. */
  readonly deadline: number;
}

/** How far the collection of an epoch has come. */
export interface CollectionState {
  readonly format: 1;
  readonly epoch: number;
  readonly phase: "condemned" | "done";
  /** Names the run that condemned. */
  readonly run: string;
  /** When the run began, in milliseconds by the store's clock: nothing younger than its grace was condemned. */
  readonly t0: number;
  /** The sweep does not begin before, in milliseconds by the store's clock. */
  readonly notBefore: number;
  /** Shards a kind is cut into: 1, 16 or 256. */
  readonly width: 1 | 16 | 256;
  /** The phase of each shard: a letter apiece, nodes and all else. */
  readonly shards: { readonly n: string; readonly l: string };
  readonly claims: Readonly<Record<string, Claim>>;
  /** Condemned, and relied on since: never deleted in this epoch. */
  readonly rescued: readonly Digest[];
}

const letters = z.string().check(z.regex(/^[CDX]*$/));

/** Judges a {@linkcode CollectionState}. */
export const stateSchema = z.looseObject({
  format: z.literal(1),
  epoch: z.int().check(z.nonnegative()),
  phase: z.enum(["condemned", "done"]),
  run: z.string(),
  t0: z.number(),
  notBefore: z.number(),
  width: z.union([z.literal(1), z.literal(16), z.literal(256)]),
  shards: z.looseObject({ n: letters, l: letters }),
  claims: z.record(z.string(), z.looseObject({ id: z.string(), deadline: z.number() })),
  rescued: z.array(z.string()),
}) as unknown as Schema<CollectionState>;

/** A shard: nodes or all else, and its number. */
export interface Shard {
  readonly kind: "n" | "l";
  readonly at: number;
}

/** The number of the shard a digest belongs to, of `width`. */
export function shardOf(digest: Digest, width: CollectionState["width"]): number {
  const digits = { 1: 0, 16: 1, 256: 2 }[width];
  return digits === 0 ? 0 : Number.parseInt(splitDigest(digest).hex.slice(0, digits), 16);
}

/** The name of a shard, as claims use it. */
export function shardName({ kind, at }: Shard, width: CollectionState["width"]): string {
  const digits = { 1: 0, 16: 1, 256: 2 }[width];
  return digits === 0 ? kind : `${kind}${at.toString(16).padStart(digits, "0")}`;
}

/** Every shard of a state, nodes first. */
export function shardsOf({ width }: CollectionState): Shard[] {
  const numbers = Array.from({ length: width }, (_, at) => at);
  return [
    ...numbers.map((at): Shard => ({ kind: "n", at })),
    ...numbers.map((at): Shard => ({ kind: "l", at })),
  ];
}

/** The document that lists what is condemned in a shard; written once. */
export function condemnedName(
  state: Pick<CollectionState, "epoch" | "run" | "width">,
  shard: Shard,
) {
  return `.stowage/gc/${state.epoch}.${state.run}/${shardName(shard, state.width)}`;
}

/** Whether a shard is over, or its deadline has passed. */
export function isOver(state: CollectionState, shard: Shard, now: number): boolean {
  const phase = state.shards[shard.kind][shard.at];
  if (phase === "X") return true;
  if (phase !== "D") return false;
  const claim = state.claims[shardName(shard, state.width)];
  return claim !== undefined && now > claim.deadline;
}

/** The state with a shard in another phase. */
export function withPhase(
  state: CollectionState,
  shards: readonly Shard[],
  phase: ShardPhase,
  claim?: Claim,
): CollectionState {
  const letters = { n: [...state.shards.n], l: [...state.shards.l] };
  const claims = { ...state.claims };
  for (const shard of shards) {
    letters[shard.kind][shard.at] = phase;
    const name = shardName(shard, state.width);
    if (claim) claims[name] = claim;
    else delete claims[name];
  }
  return { ...state, claims, shards: { n: letters.n.join(""), l: letters.l.join("") } };
}

/** The digests a condemned list names, without the rest of its lines. */
export async function condemnedDigests(
  docs: Docs,
  state: CollectionState,
  shard: Shard,
): Promise<ReadonlySet<Digest>> {
  const doc = await docs.load(condemnedName(state, shard));
  return new Set((doc?.text ?? "").split("\n").map((line) => line.split(" ")[0] as Digest));
}
