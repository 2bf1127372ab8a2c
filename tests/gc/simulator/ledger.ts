// What writers asked for and what they were told, name by name, and whether what stands there in the end agrees.

/** What a name may stand for: a digest, nothing, or nobody knows. */
export type Value = string | undefined | typeof ANY;

/** An edit whose value only its answer tells. */
export const ANY = Symbol("any");

/** An edit of one name, from the step it began at to the one it was acknowledged at. */
interface Entry {
  readonly name: string;
  value: Value;
  readonly start: number;
  /** Infinity until it is acknowledged, and for ever if nobody knows. */
  end: number;
}

/** An edit that was begun. */
export interface Pending {
  /** It was acknowledged, with these values. */
  confirm(values: ReadonlyMap<string, Value>): void;
  /** It was refused, and has changed nothing. */
  withdraw(): void;
}

/** All edits of a run. */
export interface Ledger {
  /** Notes edits that begin now, before anything is sent. */
  begin(values: ReadonlyMap<string, Value>): Pending;
  /** Why `value` cannot be what a name stands for in the end, if so. */
  complaint(name: string, value: string | undefined): string | undefined;
  /** All names that were edited. */
  readonly names: ReadonlySet<string>;
}

/** An empty ledger; `now` counts steps. */
export function createLedger(now: () => number): Ledger {
  const entries = new Set<Entry>();
  const names = new Set<string>();
  return {
    names,
    begin(values) {
      const start = now();
      const mine = [...values].map(([name, value]): Entry => ({
        name,
        value,
        start,
        end: Infinity,
      }));
      for (const entry of mine) {
        names.add(entry.name);
        entries.add(entry);
      }
      const withdraw = () => mine.forEach((entry) => entries.delete(entry));
      return {
        withdraw,
        confirm(told) {
          withdraw();
          for (const [name, value] of told) {
            names.add(name);
            entries.add({ name, value, start, end: now() });
          }
        },
      };
    },
    complaint(name, value) {
      const about = [...entries].filter((entry) => entry.name === name);
      // An edit counts unless a later one, begun after its end, was acknowledged. Before all, there was nothing.
      const last = Math.max(
        -1,
        ...about.filter(({ end }) => end < Infinity).map(({ start }) => start),
      );
      const possible = about.filter(({ end }) => end >= last).map((entry) => entry.value);
      if (last < 0) possible.push(undefined);
      if (possible.includes(value) || possible.includes(ANY)) return undefined;
      const list = possible.map((one) => typeof one === "string" ? one : "nothing").join(" or ");
      return `"${name}" stands for ${value ?? "nothing"}, not ${list}`;
    },
  };
}
