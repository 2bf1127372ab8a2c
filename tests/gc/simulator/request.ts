import { OciError } from "../../../core/mod.ts";
import type { Process } from "./process.ts";
import type { Fate } from "./weather.ts";

/** A request that waits until the world says what becomes of it. */
export interface Waiting {
  readonly process: Process;
  readonly what: string;
  readonly writes: boolean;
  meet(fate: Fate): void;
}

/** How a request is answered when all is not well. */
export interface RequestOptions<T> {
  /** Whether it changes anything: only such a request can be unanswered, late or repeated. */
  readonly writes?: boolean;
  /** The answer where nobody knows whether it took effect; else an error says so. */
  readonly unsure?: () => T;
}

/** Something on its way, which has its effect once it arrives. */
export interface Parcel {
  readonly what: string;
  readonly effect: () => void;
}

/** What a request does to the world. */
interface Doing<T> {
  readonly process: Process;
  readonly what: string;
  /** Happens in one step, if at all. */
  readonly effect: () => T;
  /** Sends something on a long way. */
  readonly post: (parcel: Parcel) => void;
}

/** A request, and the promise of its answer. */
export function requestOf<T>(
  { process, what, effect, post }: Doing<T>,
  { writes = false, unsure }: RequestOptions<T>,
): { readonly request: Waiting; readonly answer: Promise<T> } {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const unavailable = (why: string, more = {}) =>
    reject(new OciError("unavailable", `Cannot ${what}: ${why}`, more));
  const doubt = () =>
    unsure ? resolve(unsure()) : unavailable("no answer came", { reason: "unknown" });

  /** Has the effect; what tells of it comes back. */
  const happen = (): () => void => {
    try {
      const value = effect();
      return () => resolve(value);
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
      return () => reject(error);
    }
  };

  const meet = (fate: Fate) => {
    if (fate === "refused") return unavailable("the store is busy");
    if (fate === "late" || fate === "twice") post({ what, effect });
    const tell = fate === "late" || fate === "lost" ? doubt : happen();
    if (fate === "done") tell();
    else if (fate === "slow") post({ what: `the answer to ${process.name}`, effect: tell });
    else doubt();
  };
  return { request: { process, what, writes, meet }, answer: promise };
}
