// Faults by rule: what goes wrong, for which requests, how often. One sequence of numbers decides, so a seed repeats it.
import type { Target } from "./route.ts";
import { seeded } from "./seeded.ts";
import type { Operation } from "./switches.ts";

/** How a connection ends. */
export type End = "fin" | "rst";

/** What goes wrong with one request. Times are milliseconds. */
export type Fault =
  /** An error instead of the answer; `applied` says whether the request took effect before. */
  | {
    readonly kind: "status";
    readonly status: number;
    readonly code: string;
    readonly applied?: boolean;
    readonly retryAfter?: number;
  }
  /** 200 with an `Error` in the body, as Complete and Copy may answer. */
  | { readonly kind: "error200"; readonly code: string; readonly applied?: boolean }
  /** An error before the body was read, and the connection closed. */
  | { readonly kind: "early"; readonly status: number; readonly code: string }
  /** The connection ends: before the body is read, before the request takes effect, or after. */
  | { readonly kind: "drop"; readonly when: "head" | "unapplied" | "applied"; readonly by: End }
  /** The answer's body ends after so many bytes; a chunked one in mid-chunk. */
  | {
    readonly kind: "cut";
    readonly at: number;
    readonly by: End;
    readonly chunked?: boolean;
  }
  /** `Content-Length` is off by so many bytes, then the connection closes. */
  | { readonly kind: "length"; readonly by: number }
  /** A byte of the answer's body is another one. */
  | { readonly kind: "flip"; readonly at: number }
  /** Nothing happens for a while: before the body is read, before the answer, or after so many bytes of it. */
  | {
    readonly kind: "stall";
    readonly where: "upload" | "head" | "body";
    readonly ms: number;
    readonly at?: number;
  }
  /** The answer's body comes at so many bytes a second. */
  | { readonly kind: "slow"; readonly rate: number }
  /** Blanks are sent before the body for a while. */
  | { readonly kind: "blanks"; readonly ms: number }
  /** Takes effect this much later, though the connection has ended; without `by` the answer waits for it. */
  | { readonly kind: "late"; readonly ms: number; readonly by?: End }
  /** The same request takes effect once more, this much later; the answer is that of the first or the second. */
  | { readonly kind: "again"; readonly ms: number; readonly shown: "first" | "second" }
  /** Waits before taking effect, or before the answer, until the test opens the gate. */
  | { readonly kind: "gate"; readonly name: string; readonly applied?: boolean }
  /** The server's clock jumps. */
  | { readonly kind: "clock"; readonly ms: number }
  /** All keys of the server end now, as temporary ones do: `ExpiredToken` from here on. */
  | { readonly kind: "expire" };

/** Which requests a fault befalls. */
export interface Rule {
  readonly op?: Operation | readonly Operation[];
  /** The key, or a part of it with `*` for the rest. */
  readonly key?: string;
  /** From the how-manieth such request on; 1 if not given. */
  readonly nth?: number;
  /** How many of them; one if there is no chance given, else all. */
  readonly times?: number;
  /** From 0 to 1. */
  readonly chance?: number;
  readonly seed?: number;
  readonly fault: Fault;
}

export interface Faults {
  add(...rules: readonly Rule[]): void;
  clear(): void;
  /** What befalls a request; asked once for each. */
  next(target: Target): Fault | undefined;
  /** Waits until a gate is opened. */
  gate(name: string): Promise<void>;
  /** How many wait at a gate. */
  waiting(name: string): number;
  /** Lets everybody pass who waits, and whoever comes. */
  open(name: string): void;
}

const glob = (pattern: string) =>
  new RegExp(`^${pattern.split("*").map((text) => text.replace(/\W/g, "\\$&")).join(".*")}$`, "su");

/** A rule that counts. */
function follow({ op, key, nth = 1, chance, times, seed = 1 }: Rule) {
  const most = times ?? (chance === undefined ? 1 : Infinity);
  const random = seeded(seed);
  const pattern = key === undefined ? undefined : glob(key);
  let [seen, fired] = [0, 0];
  return (target: Target): boolean => {
    if (op !== undefined && ![op].flat().includes(target.operation)) return false;
    if (pattern && !pattern.test(target.key)) return false;
    if (++seen < nth || fired >= most || chance !== undefined && random() >= chance) return false;
    fired++;
    return true;
  };
}

export function createFaults(): Faults {
  let rules: { readonly fault: Fault; readonly fires: (target: Target) => boolean }[] = [];
  const gates = new Map<string, { opened: boolean; waiters: (() => void)[] }>();
  const gateOf = (name: string) => {
    const gate = gates.get(name) ?? { opened: false, waiters: [] };
    gates.set(name, gate);
    return gate;
  };
  const open = (name: string) => {
    const gate = gateOf(name);
    gate.opened = true;
    for (const pass of gate.waiters.splice(0)) pass();
  };
  return {
    add: (...more) =>
      void (rules = [
        ...rules,
        ...more.map((rule) => ({ fault: rule.fault, fires: follow(rule) })),
      ]),
    clear() {
      rules = [];
      for (const name of gates.keys()) open(name);
      gates.clear();
    },
    // Every rule counts every request, also one that another rule has taken.
    next: (target) => rules.filter(({ fires }) => fires(target))[0]?.fault,
    async gate(name) {
      const gate = gateOf(name);
      if (!gate.opened) await new Promise<void>((pass) => gate.waiters.push(pass));
    },
    waiting: (name) => gateOf(name).waiters.length,
    open,
  };
}
