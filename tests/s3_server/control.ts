// What other processes ask of the server itself, below `/.control/`: no bucket can be named so.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Rule } from "./faults.ts";
import type { Front } from "./http.ts";
import type { Wanted } from "./journal.ts";
import type { Changes } from "./switches.ts";

/** What is controlled; a server that requests are forwarded to has no switches. */
export interface Controlled extends Front {
  change?(changes: Changes): void;
}

async function json(message: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk);
  const text = new TextDecoder().decode(concat(chunks));
  return text === "" ? undefined : JSON.parse(text);
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function wantedOf(query: URLSearchParams): Wanted {
  const numbers = ["status", "after"];
  const pairs = [...query].map(([name, value]) => [
    name,
    numbers.includes(name) ? Number(value) : value,
  ]);
  return Object.fromEntries(pairs);
}

/** Does what is asked below `/.control/`; false if the request is not meant for it. */
export async function control(
  { journal, faults, answering, change }: Controlled,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const url = new URL(message.url ?? "/", "http://control");
  if (!url.pathname.startsWith("/.control/")) return false;
  const [what = "", name = ""] = url.pathname.slice("/.control/".length).split("/");
  const doings: Record<string, (body: unknown) => unknown> = {
    "GET journal": () => journal.find(wantedOf(url.searchParams)),
    "GET tally": () => journal.tally(wantedOf(url.searchParams)),
    "DELETE journal": () => journal.clear(),
    "GET switches": () => answering.switches,
    "PATCH switches": (body) => change?.(body as Changes),
    "POST faults": (body) => faults.add(...[body as Rule | Rule[]].flat()),
    "DELETE faults": () => faults.clear(),
    "GET gates": () => ({ waiting: faults.waiting(name) }),
    "POST gates": () => faults.open(name),
  };
  const doing = doings[`${message.method} ${what}`];
  const body = await json(message);
  const answer = doing?.(body);
  response.writeHead(doing ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(answer ?? {}, (_, value) => value === Infinity ? "Infinity" : value));
  return true;
}
