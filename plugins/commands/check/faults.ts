import type { Digest } from "../../../core/mod.ts";
import type { Problem } from "../problem.ts";
import type { Mend } from "./repair.ts";

/** What is wrong with a blob. */
export interface Fault {
  readonly digest: Digest;
  readonly code: Problem["code"];
  /** A few words. */
  readonly message: string;
  /** From the root; may be found out later. */
  readonly path?: readonly string[];
}

/** What a check finds wrong, and odd. */
export interface Faults {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** The blobs something is wrong with whose path is not known. */
  readonly lost: ReadonlySet<Digest>;
  /** Whether something is wrong with a blob. */
  has(digest: Digest): boolean;
  /** Notes a fault, once, and has it mended where that can be: true if the blob is sound now. */
  report(fault: Fault): Promise<boolean>;
  /** Notes how a blob is reached. */
  locate(digest: Digest, path: readonly string[]): void;
  /** Notes what is wrong with something that is no blob. */
  add(problem: Problem): void;
  /** Notes what is odd. */
  warn(warning: Problem): void;
}

/** Nothing wrong yet; `mend` is asked about each blob that is. */
export function createFaults(mend: Mend): Faults {
  const problems = new Map<string, Problem>();
  const warnings: Problem[] = [];
  const digests = new Set<Digest>();
  const lost = new Set<Digest>();
  return {
    get problems() {
      return [...problems.values()];
    },
    warnings,
    lost,
    has: (digest) => digests.has(digest),
    async report(fault) {
      const { digest, message, path } = fault;
      const key = `${digest} ${message}`;
      const known = problems.get(key);
      if (known) return known.repaired === true;
      digests.add(digest);
      if (path === undefined) lost.add(digest);
      problems.set(key, fault);
      const mended = await mend(fault);
      if (mended === "replaced") problems.set(key, { ...fault, repaired: true });
      if (mended === "aside") problems.set(key, { ...fault, message: `${message}; set aside` });
      return mended === "replaced";
    },
    locate(digest, path) {
      for (const [key, problem] of problems) {
        if (problem.digest === digest && !problem.path) problems.set(key, { ...problem, path });
      }
    },
    add: (problem) => void problems.set(`${problem.code} ${problem.message}`, problem),
    warn: (warning) => void warnings.push(warning),
  };
}
