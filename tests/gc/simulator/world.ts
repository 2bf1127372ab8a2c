// Processes and what is on its way between them and a store. Every request waits here until the world picks it, so a
// seed decides every interleaving, every fault and every pause.
import { setImmediate } from "node:timers";
import { OciError } from "../../../core/mod.ts";
import { type Chance, chanceOf } from "./chance.ts";
import { names, type Process } from "./process.ts";
import { type Parcel, requestOf, type RequestOptions, type Waiting } from "./request.ts";
import { sleepersBy } from "./sleepers.ts";
import { calm, type Fate, type Weather } from "./weather.ts";

/** The world of one run. */
export interface World {
  readonly chance: Chance;
  /** Milliseconds since it began. */
  time: number;
  /** Steps so far. */
  steps: number;
  weather: Weather;
  /** What happened, step by step. */
  readonly history: string[];
  /** Adds to the history. */
  note(what: string): void;
  /** Called after each effect. */
  watch: () => void;
  /** Called when a process has died. */
  mourn: (process: Process) => void;
  /** Starts a process; `skew` is what its wall clock is ahead. */
  spawn(name: string, skew: number, main: (process: Process) => Promise<void>): void;
  /** A request of a process: `effect` happens in one step, if at all. */
  request<T>(
    process: Process,
    what: string,
    effect: () => T,
    options?: RequestOptions<T>,
  ): Promise<T>;
  /** Goes on until every process has ended; whatever throws in `watch` ends it with that error. */
  run(): Promise<void>;
  /** What is still on its way arrives, or never will. */
  settle(): void;
}

const JUMPS = [15, 2_500, 31_000, 65_000, 95_000, 700_000, 5_000_000];
/** The requests before which it matters most who goes on. */
const DECISIVE = /^swap (index.json|.*\/state.json)|^delete/;
/** A run that has not ended by then hangs. */
const MOST = 20_000;

/** A world that a seed decides. */
export function createWorld(seed: number): World {
  const chance = chanceOf(seed);
  const waiting = new Set<Waiting>();
  const running = new Set<Process>();
  const network: Parcel[] = [];
  const sleepers = sleepersBy(() => world.time);
  let crashes = 0;
  let failure: { error: unknown } | undefined;

  const act = <T>(effect: () => T): T => {
    const value = effect();
    world.watch();
    return value;
  };

  const world: World = {
    chance,
    time: 0,
    steps: 0,
    weather: calm,
    history: [],
    note: (what) => void world.history.push(`${world.time} ${what}`),
    watch() {},
    mourn() {},

    spawn(name, skew, main) {
      const process: Process = {
        name,
        alive: true,
        rank: chance.next(),
        clock: sleepers.clockOf({ process: () => process, skew, seed: chance.below(2 ** 30) }),
      };
      running.add(process);
      const ended = (error?: unknown) => {
        if (error !== undefined && process.alive) failure ??= { error };
        running.delete(process);
      };
      main(process).then(() => ended(), ended);
    },

    request<T>(process: Process, what: string, effect: () => T, options: RequestOptions<T> = {}) {
      const { request, answer } = requestOf({
        process,
        what,
        effect: () => act(effect),
        post: (parcel) => void network.push(parcel),
      }, options);
      if (process.alive) waiting.add(request);
      return answer;
    },

    async run() {
      const end = world.steps + MOST;
      await turn();
      while (running.size > 0) {
        if (failure) throw failure.error;
        if (++world.steps > end) throw new Error(`it does not end: ${names(running)}`);
        step();
        await turn();
      }
      if (failure) throw failure.error;
    },

    settle() {
      while (network.length > 0) deliver(chance.hit(0.7));
    },
  };
  return world;

  function step(): void {
    const { faults, frail, delays, arrivals, jumps, crashes: most, fatal, order } = world.weather;
    if (crashes < most && !fatal && chance.hit(0.01)) return crash(chance.one([...running]));
    if (chance.hit(jumps)) return pass(chance.one(JUMPS));
    if (network.length > 0 && chance.hit(arrivals)) return deliver(true);
    const { next: due } = sleepers;
    if (due !== undefined && (waiting.size === 0 || chance.hit(0.05))) {
      return pass(due - world.time);
    }
    if (waiting.size === 0) {
      if (network.length > 0) return deliver(true);
      throw new Error(`nothing can go on: ${names(running)}`);
    }
    const next = order === "ranked" ? ranked() : any();
    if (crashes < most && fatal?.test(next.what) && chance.hit(0.3)) return crash(next.process);
    const faulty = chance.hit(faults) && (frail?.test(next.what) ?? true);
    meet(next, faulty ? fateOf(next) : chance.hit(delays) ? "slow" : "done");
  }

  function meet(request: Waiting, fate: Fate): void {
    waiting.delete(request);
    world.note(`${request.process.name} ${request.what}${fate === "done" ? "" : `: ${fate}`}`);
    request.meet(fate);
  }

  function any(): Waiting {
    const process = chance.one([...new Set([...waiting].map((one) => one.process))]);
    return chance.one([...waiting].filter((one) => one.process === process));
  }

  function ranked(): Waiting {
    const [first] = [...waiting].sort((a, b) => b.process.rank - a.process.rank);
    const next = chance.one([...waiting].filter(({ process }) => process === first?.process));
    // What is about to be decided by a swap or a delete is what others may be at, too.
    const { turns } = world.weather;
    if (!chance.hit(DECISIVE.test(next.what) ? 10 * turns : turns)) return next;
    next.process.rank = -world.steps;
    return ranked();
  }

  function fateOf({ writes }: Waiting): Fate {
    return writes ? chance.one(world.weather.fates) : "refused";
  }

  /** A process dies: of what it has sent, some arrived, some is lost, some is on its way. */
  function crash(process: Process): void {
    crashes++;
    world.note(`${process.name} dies`);
    process.alive = false;
    running.delete(process);
    sleepers.forget(process);
    for (const one of [...waiting].filter((one) => one.process === process)) {
      if (one.writes) meet(one, chance.one(["unanswered", "lost", "late"] as const));
      waiting.delete(one);
    }
    world.mourn(process);
  }

  function deliver(arrives: boolean): void {
    const [one] = network.splice(chance.below(network.length), 1);
    if (!one || !arrives) return;
    world.note(`on its way, ${one.what} arrives`);
    try {
      act(one.effect);
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
    }
  }

  function pass(ms: number): void {
    world.time += Math.ceil(Math.max(0, ms));
    world.note("is the time");
    sleepers.wake();
  }
}

/** All that needs no answer of the world has been done by then. */
const turn = (): Promise<void> => new Promise((done) => void setImmediate(done));
