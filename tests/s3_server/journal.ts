// What was asked, in order: tests count requests by it.
import type { Fault } from "./faults.ts";
import type { Operation } from "./switches.ts";

/** One request and what became of it. */
export interface Entry {
  readonly number: number;
  /** The server's time when its head came. */
  readonly at: number;
  /** Which connection it came by. */
  readonly connection: number;
  readonly operation: Operation;
  readonly method: string;
  readonly target: string;
  readonly bucket: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body, once it was read. */
  received: number;
  /** The SHA-256 of the body, in hexadecimal digits. */
  bodyHash?: string;
  fault?: Fault["kind"];
  /** What the service made of it; a fault may have kept that from the client. */
  status?: number;
  code?: string;
  sent: number;
}

/** Which entries are meant; what is not given may be anything. */
export interface Wanted {
  readonly op?: Operation;
  readonly method?: string;
  readonly key?: string;
  readonly status?: number;
  /** Only after this number. */
  readonly after?: number;
}

export interface Journal {
  readonly entries: readonly Entry[];
  begin(entry: Omit<Entry, "number" | "received" | "sent">): Entry;
  find(wanted?: Wanted): readonly Entry[];
  count(wanted?: Wanted): number;
  /** Operations and how often each was asked for, such as `{ GetObject: 1, PutObject: 1 }`. */
  tally(wanted?: Wanted): Readonly<Partial<Record<Operation, number>>>;
  clear(): void;
}

export function createJournal(): Journal {
  const entries: Entry[] = [];
  let number = 0;
  const find = ({ op, method, key, status, after = 0 }: Wanted = {}) =>
    entries.filter((entry) =>
      entry.number > after && (op ?? entry.operation) === entry.operation &&
      (method ?? entry.method) === entry.method && (key ?? entry.key) === entry.key &&
      (status ?? entry.status) === entry.status
    );
  return {
    entries,
    begin(about) {
      const entry: Entry = { ...about, number: ++number, received: 0, sent: 0 };
      entries.push(entry);
      return entry;
    },
    find,
    count: (wanted) => find(wanted).length,
    tally(wanted) {
      const counts: Partial<Record<Operation, number>> = {};
      for (const { operation } of find(wanted)) counts[operation] = (counts[operation] ?? 0) + 1;
      return counts;
    },
    clear: () => void entries.splice(0),
  };
}
