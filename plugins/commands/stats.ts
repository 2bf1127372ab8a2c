import type { Registry, Terminal } from "../../core/basics.ts";
import { bytes, visible } from "./text.ts";

type Backend = Awaited<ReturnType<Registry["open"]>>;

/** The places that a program has opened, and what they were asked for. */
export interface Stats {
  /** Opens places, and remembers them. */
  readonly registry: Registry;
  /** Tells of each place that counts what it is asked for: a line, or a JSON document. */
  tell(terminal: Terminal, json: boolean): void;
}

/** Watches what is opened by a registry. */
export function watch(registry: Registry): Stats {
  const opened: Backend[] = [];
  return {
    registry: {
      ...registry,
      async open(url, options) {
        const backend = await registry.open(url, options);
        opened.push(backend);
        return backend;
      },
    },
    tell(terminal, json) {
      for (const [place, backends] of Map.groupBy(opened, ({ url }) => url.href)) {
        const sum = sumOf(backends);
        if (!sum) continue;
        const document = { schema: "stowage.stats/1", place, ...sum };
        terminal.err(json ? JSON.stringify(document) : visible(`${place}: ${textOf(sum)}`));
      }
    },
  };
}

interface Sum {
  readonly requests: Readonly<Record<string, number>>;
  readonly sent: number;
  readonly received: number;
  /** Dollars. */
  readonly cost: number;
}

/** What openings of one place come to; nothing if it does not count. */
function sumOf(backends: readonly Backend[]): Sum | undefined {
  const requests: Record<string, number> = {};
  let [sent, received, cost, counts] = [0, 0, 0, false];
  for (const backend of backends) {
    for (const [name, times] of Object.entries(backend.usage?.() ?? {})) {
      requests[name] = (requests[name] ?? 0) + times;
    }
    const traffic = backend.traffic?.();
    counts ||= traffic !== undefined;
    sent += traffic?.sent ?? 0;
    received += traffic?.received ?? 0;
    cost += traffic?.cost ?? 0;
  }
  return counts ? { requests, sent, received, cost } : undefined;
}

function textOf({ requests, sent, received, cost }: Sum): string {
  const all = Object.values(requests).reduce((sum, times) => sum + times, 0);
  const each = Object.entries(requests).map(([name, times]) => `${times} ${name}`).join(", ");
  const dollars = `$${cost.toFixed(6)}`;
  return `${all} requests (${each}), ${bytes(sent)} sent, ${bytes(received)} received, ` +
    `about ${dollars} at list price`;
}
