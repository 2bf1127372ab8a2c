import type { Owner } from "./owner.ts";
import { type Schema, z } from "./schema.ts";

/** Someone who holds a lease, or waits for it. */
export interface Claimant {
  /** Random. */
  readonly id: string;
  /** Shared holders stand beside each other. */
  readonly mode: "shared" | "exclusive";
  /** Counts up for as long as the claimant lives. */
  readonly beat: number;
  /** Who it is; `since` when, RFC 3339, by its own wall clock. */
  readonly owner: Owner & { readonly since: string };
}

/** The document of one lease. */
export interface LeaseState {
  /** The version of this document. */
  readonly format: 1;
  /** Who holds it: any number of shared, or one exclusive. */
  readonly holders: readonly Claimant[];
  /** Who waits for it, first come first. */
  readonly waiting: readonly Claimant[];
}

const claimants = z.array(z.looseObject({
  id: z.string(),
  mode: z.enum(["shared", "exclusive"]),
  beat: z.number(),
  owner: z.looseObject({
    host: z.string(),
    boot: z.string(),
    pid: z.number(),
    command: z.string(),
    since: z.string(),
  }),
}));

/** Judges a {@linkcode LeaseState}. */
export const leaseSchema = z.looseObject({
  format: z.literal(1),
  holders: claimants,
  waiting: claimants,
}) as unknown as Schema<LeaseState>;

/** Nobody holds it. */
export const FREE: LeaseState = { format: 1, holders: [], waiting: [] };

/** Whether the claimant holds the lease. */
export function holds(state: LeaseState | undefined, id: string): boolean {
  return state?.holders.some((holder) => holder.id === id) ?? false;
}

/** Those who must be gone before the claimant can hold the lease, holders first. */
export function ahead(state: LeaseState, { id, mode }: Claimant): readonly Claimant[] {
  const place = state.waiting.findIndex((other) => other.id === id);
  const before = place < 0 ? state.waiting : state.waiting.slice(0, place);
  const all = [...state.holders, ...before];
  return mode === "shared" && all.every((other) => other.mode === "shared") ? [] : all;
}

/** The claimant among the holders if nobody is ahead of it; else, to `queue`, among those who wait. */
export function enter(state: LeaseState, me: Claimant, queue: boolean): LeaseState {
  if (holds(state, me.id)) return state;
  if (ahead(state, me).length === 0) {
    const waiting = state.waiting.filter(({ id }) => id !== me.id);
    return { ...state, holders: [...state.holders, me], waiting };
  }
  const place = state.waiting.findIndex(({ id }) => id === me.id);
  if (!queue || state.waiting[place]?.beat === me.beat) return state;
  const waiting = place < 0 ? [...state.waiting, me] : state.waiting.with(place, me);
  return { ...state, waiting };
}

/** One more beat of a holder. */
export function beat(state: LeaseState, id: string): LeaseState {
  if (!holds(state, id)) return state;
  const holders = state.holders.map((it) => it.id === id ? { ...it, beat: it.beat + 1 } : it);
  return { ...state, holders };
}

/** Without the claimants of these ids. */
export function without(state: LeaseState, ...ids: readonly string[]): LeaseState {
  const stays = ({ id }: Claimant) => !ids.includes(id);
  if (state.holders.every(stays) && state.waiting.every(stays)) return state;
  return { ...state, holders: state.holders.filter(stays), waiting: state.waiting.filter(stays) };
}
