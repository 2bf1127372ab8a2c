// Time, processes and what is on its way between them and a store. Every request waits here until the world picks it,
// so a seed decides every interleaving, every fault and every pause.
import { setImmediate } from "node:timers";
import { type Clock, OciError } from "../../../core/mod.ts";
import { type Chance, chanceOf } from "./chance.ts";
import { calm, type Fate, type Weather } from "./weather.ts";

/** Something that runs, until it ends or dies: then it never goes on, at whatever step it is. */
export interface Process {
  readonly name: string;
  readonly clock: Clock;
  alive: boolean;
  rank: number;
}

interface Waiting {
  readonly process: Process;
  readonly what: string;
  readonly writes: boolean;
  meet(fate: Fate): void;
}

interface Sleeper {
  readonly process: Process;
  readonly due: number;
  wake(): void;
}

/** How a request is answered when all is not well. */
interface RequestOptions<T> {
  /** Whether it changes anything: only such a request can be unanswered, late or repeated. */
  readonly writes?: boolean;
  /** The answer where nobody knows whether it took effect; else an error says so. */
  readonly unsure?: () => T;
}

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

/** When every world begins, by its wall clocks. */
export const EPOCH = Date.UTC(2024, 0, 1);

const JUMPS = [15, 2_500, 31_000, 65_000, 95_000, 700_000, 5_000_000];
/** The requests before which it matters most who goes on. */
const DECISIVE = /^swap (index.json|.*\/state.json)|^delete/;
/** A run that has not ended by then hangs. */
const MOST = 20_000;

/** A world that a seed decides. */
export function createWorld(seed: number): World {
  const chance = chanceOf(seed);
  const waiting = new Set<Waiting>();
  const sleepers = new Set<Sleeper>();
  const running = new Set<Process>();
  const network: { what: string; effect: () => void }[] = [];
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
        clock: clockOf(() => process, skew),
      };
      running.add(process);
      const ended = (error?: unknown) => {
        if (error !== undefined && process.alive) failure ??= { error };
        running.delete(process);
      };
      main(process).then(() => ended(), ended);
    },

    request<T>(
      process: Process,
      what: string,
      effect: () => T,
      { writes = false, unsure }: RequestOptions<T> = {},
    ) {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const doubt = () => {
        if (unsure) return resolve(unsure());
        reject(
          new OciError("unavailable", `Cannot ${what}: no answer came`, { reason: "unknown" }),
        );
      };
      const meet = (fate: Fate) => {
        waiting.delete(request);
        world.note(`${process.name} ${what}${fate === "done" ? "" : `: ${fate}`}`);
        if (fate === "refused") {
          reject(new OciError("unavailable", `Cannot ${what}: the store is busy`));
          return;
        }
        if (fate === "late" || fate === "twice") network.push({ what, effect });
        let answer = doubt;
        if (fate !== "late" && fate !== "lost") {
          try {
            const value = act(effect);
            if (fate === "done" || fate === "slow") answer = () => resolve(value);
          } catch (error) {
            if (!(error instanceof OciError)) throw error;
            if (fate === "done" || fate === "slow") answer = () => reject(error);
          }
        }
        if (fate === "slow") {
          network.push({ what: `the answer to ${process.name}`, effect: answer });
        } else answer();
      };
      const request: Waiting = { process, what, writes, meet };
      if (process.alive) waiting.add(request);
      return promise;
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
    if (sleepers.size > 0 && (waiting.size === 0 || chance.hit(0.05))) {
      return pass(Math.min(...[...sleepers].map(({ due }) => due)) - world.time);
    }
    if (waiting.size === 0) {
      if (network.length > 0) return deliver(true);
      throw new Error(`nothing can go on: ${names(running)}`);
    }
    const next = order === "ranked" ? ranked() : any();
    if (crashes < most && fatal?.test(next.what) && chance.hit(0.3)) return crash(next.process);
    const faulty = chance.hit(faults) && (frail?.test(next.what) ?? true);
    next.meet(faulty ? fateOf(next) : chance.hit(delays) ? "slow" : "done");
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
    for (const sleeper of sleepers) if (sleeper.process === process) sleepers.delete(sleeper);
    for (const one of [...waiting].filter((one) => one.process === process)) {
      if (one.writes) one.meet(chance.one(["unanswered", "lost", "late"] as const));
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
    const due = [...sleepers].filter((one) => one.due <= world.time);
    for (const one of due.sort((a, b) => a.due - b.due)) {
      sleepers.delete(one);
      one.wake();
    }
  }

  function clockOf(process: () => Process, skew: number): Clock {
    const own = chanceOf(chance.below(2 ** 30));
    return {
      now: () => EPOCH + world.time + skew,
      elapsed: () => world.time,
      random: own.next,
      sleep(ms, signal) {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const due = world.time + Math.max(0, ms);
        const sleeper = { process: process(), due, wake: resolve };
        const stop = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        if (signal?.aborted) stop();
        else if (sleeper.process.alive) sleepers.add(sleeper);
        signal?.addEventListener("abort", stop, { once: true });
        return promise;
      },
    };
  }
}

function names(processes: Iterable<Process>): string {
  return [...processes].map(({ name }) => name).join(", ");
}

/** All that needs no answer of the world has been done by then. */
const turn = (): Promise<void> => new Promise((done) => void setImmediate(done));
