import type { Docs } from "./backend.ts";
import { type Clock, randomHex } from "./clock.ts";
import { editJson } from "./docs.ts";
import { messageOf, OciError } from "./errors.ts";
import { GIVE_UP, hold, leave, reading, since, TTL } from "./lease_hold.ts";
import {
  ahead,
  beat,
  type Claimant,
  enter,
  FREE,
  holds,
  leaseSchema,
  type LeaseState,
  without,
} from "./lease_state.ts";
import type { Lock } from "./lock.ts";
import { mayRun, type Owner, thisProcess } from "./owner.ts";

/** What a lock made of leases lives by. */
export interface LeaseOptions {
  /** Time and chance. */
  readonly clock: Clock;
  /** Who asks; what is left out is told of this process. */
  readonly owner?: Partial<Owner>;
  /** Whether a holder may still run; default: not if it ran in this boot of this machine and its process is gone. */
  readonly alive?: (owner: Owner) => boolean;
  /** Milliseconds between looks while waiting: 200 at first, doubled up to this; default 200, far places want more. */
  readonly poll?: number;
  /** Told every 5 s of waiting, as `waiting`, who holds it. */
  readonly notice?: (code: string, message: string) => void;
}

const SOON = 200;
const SILENCE = 1.5 * TTL;
const NEWS = 5_000;
const NAME = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;

/**
 * A lock kept in documents `.stowage/leases/<name>.json` of any backend. Whoever holds or waits keeps counting up a
 * beat there; one whose beat stands still for 15 s is dropped by the others. Names are lower-case segments, such as
 * `gc` or `ingest/00ff`; else `invalid`.
 *
 * A lease saves wasted work. It can be lost at any moment, so what is done under it must be safe by itself.
 */
export function leaseLock(docs: Docs, options: LeaseOptions): Lock {
  const { clock, poll = SOON, notice } = options;
  const silent = watch(clock);

  return {
    async acquire(name, { mode = "exclusive", wait = 0, signal } = {}) {
      const doc = documentOf(name);
      const start = reading(clock);
      const here = thisProcess();
      const { alive = (other) => mayRun(other, here) } = options;
      const owner = { ...here, ...options.owner, since: new Date(start.now).toISOString() };
      let me: Claimant = { id: randomHex(clock, 16), mode, beat: 0, owner };
      let [proof, beaten, news] = [start, start.elapsed, start.elapsed + NEWS];
      let proven = false;
      let pause = SOON;
      try {
        while (true) {
          const left = start.elapsed + wait - clock.elapsed();
          if (clock.elapsed() - beaten >= TTL / 3) {
            me = { ...me, beat: me.beat + 1 };
            beaten = clock.elapsed();
          }
          const state = await editJson(docs, doc, leaseSchema, (state = FREE) => {
            proof = reading(clock);
            if (holds(state, me.id)) return beat(state, me.id);
            const dead = silent(name, state).filter(({ id }) => id !== me.id);
            const gone = everyone(state).filter((it) => !alive(it.owner));
            return enter(without(state, ...[...dead, ...gone].map(({ id }) => id)), me, left > 0);
          }, { clock, signal });
          if (holds(state, me.id)) {
            // Once more if the swap took long, such as for the lock of a process that died: its proof is old by now.
            const age = since(clock, proof);
            if (age <= TTL / 3 || (proven && age < GIVE_UP)) {
              return hold(clock, { docs, doc, name, id: me.id, proof });
            }
            if (proven && left <= 0) throw tooSlow(name);
            proven = true;
            continue;
          }
          const message = blockedBy(state ?? FREE, me, clock.now());
          if (left <= 0) throw new OciError("locked", `Cannot lock "${name}": ${message}`);
          if (clock.elapsed() >= news) {
            notice?.("waiting", `Waiting for lock "${name}": ${message}`);
            news += NEWS;
          }
          await clock.sleep(Math.min(left, pause * (0.5 + clock.random())), signal);
          pause = Math.min(poll, 2 * pause);
        }
      } catch (error) {
        await leave(clock, docs, doc, me.id);
        if (!signal?.aborted) throw error;
        const why = messageOf(signal.reason);
        throw new OciError("aborted", `Cannot lock "${name}": ${why}`, { cause: error });
      }
    },
  };
}

function documentOf(name: string): string {
  if (NAME.test(name)) return `.stowage/leases/${name}.json`;
  throw new OciError("invalid", `Cannot lock ${JSON.stringify(name)}: not a name of a lock`);
}

function tooSlow(name: string): OciError {
  const why = `the store takes longer to answer than the ${GIVE_UP / 1000} s a lock holds`;
  return new OciError("unavailable", `Cannot lock "${name}": ${why}`);
}

function everyone({ holders, waiting }: LeaseState): readonly Claimant[] {
  return [...holders, ...waiting];
}

/** Tells whose beat has stood still for too long, by our own clock from when we first saw it. */
function watch(clock: Clock) {
  type Sightings = ReadonlyMap<string, { readonly beat: number; readonly at: number }>;
  const names = new Map<string, Sightings>();
  return (name: string, state: LeaseState): readonly Claimant[] => {
    const before = names.get(name);
    const at = clock.elapsed();
    const after: Sightings = new Map(
      everyone(state).map(({ id, beat }) => {
        const seen = before?.get(id);
        return [id, seen?.beat === beat ? seen : { beat, at }];
      }),
    );
    if (after.size > 0) names.set(name, after);
    else names.delete(name);
    return everyone(state).filter(({ id }) => at - (after.get(id)?.at ?? at) >= SILENCE);
  };
}

function blockedBy(state: LeaseState, me: Claimant, now: number): string {
  const [first] = ahead(state, me);
  if (!first) return "others were faster";
  const { command, pid, host, since } = first.owner;
  const seconds = Math.max(0, Math.round((now - Date.parse(since)) / 1000)) || 0;
  const verb = holds(state, first.id) ? "held" : "awaited";
  const who = `${JSON.stringify(command)}, process ${pid} on ${JSON.stringify(host)}`;
  return `${verb} by ${who}, for ${seconds} s`;
}
