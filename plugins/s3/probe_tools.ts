import { Buffer } from "node:buffer";
import { OciError } from "../../core/mod.ts";
import type { Call, Client, Tried } from "./client.ts";
import { getStored } from "./conditional.ts";
import { connectionFailure } from "./lost.ts";
import { bareEtag, headObject, putObject } from "./objects.ts";
import { failureOf, placed, remedyOf } from "./trouble.ts";

/** One thing that was tried. */
export interface Finding {
  readonly name: string;
  readonly result: "ok" | "warn" | "fail" | "skip";
  /** What needs it: reading, committing, collecting, or nothing. */
  readonly needed: "R" | "C" | "G" | "-";
  readonly detail: string;
}

/** What a probe does, for people. */
export const ACTION = "probe the store";

/** Some stores take one write a second of a key. */
const ONE_WRITE = 1_200;

/** Waits until a key that was just written may be written again, where the store has asked for less. */
export async function nextWrite({ clock, time }: Client): Promise<void> {
  if (time.slow) await clock.sleep(ONE_WRITE);
}

/** What a probe works with: a place for scratch keys. */
export interface Tools {
  readonly client: Client;
  readonly scratch: string;
  /** Writes under a condition, once. */
  put(name: string, text: string, headers: Record<string, string>, dawdle?: number): Promise<Tried>;
  /** Writes without one; gives the ETag. */
  set(name: string, text: string): Promise<string>;
  /** What is stored. */
  get(name: string): Promise<string | undefined>;
}

/** Tools for scratch keys that begin so. */
export function toolsFor(client: Client, scratch: string): Tools {
  return {
    client,
    scratch,
    async put(name, text, headers, dawdle) {
      for (let tries = 1;; tries++) {
        const tried = await attempt(client, {
          operation: "PutObject",
          action: ACTION,
          method: "PUT",
          key: scratch + name,
          body: Buffer.from(text),
          headers,
          fresh: true,
          ...(dawdle === undefined ? {} : { dawdle }),
        });
        if (tried.trouble?.status !== 429 || dawdle !== undefined || tries > 3) return tried;
        await client.clock.sleep(ONE_WRITE);
      }
    },
    set: async (name, text) => {
      const { headers } = await putObject(client, scratch + name, Buffer.from(text), ACTION);
      return bareEtag(headers["etag"]) ||
        (await headObject(client, scratch + name, ACTION))?.etag || "";
    },
    get: async (name) => {
      const found = await getStored(client, scratch + name, ACTION);
      return found && Buffer.from(found.bytes).toString();
    },
  };
}

/** What was found; what nothing needs is no failure. */
export const finding = (
  name: string,
  needed: Finding["needed"],
  good: boolean,
  detail: string,
): Finding => ({ name, needed, result: good ? "ok" : needed === "-" ? "warn" : "fail", detail });

/**
 * The status of a try. What says nothing of the store is thrown: that rights are missing, unless that is what it is
 * asked about, and that it had no time, unless many asked at once.
 */
export function statusOf(
  { client }: Pick<Tools, "client">,
  { reply, trouble }: Tried,
  expect?: "race" | "denial",
): number {
  const denied = expect !== "denial" && (trouble?.status === 401 || trouble?.status === 403);
  const busy = expect !== "race" && trouble && /^(again|slower)$/.test(remedyOf(trouble));
  if (trouble && (denied || busy)) throw failureOf(trouble, ACTION, client.where);
  return reply?.status ?? trouble?.status ?? 0;
}

/** Whether a status is one of success. */
export const isSuccess = (status: number): boolean => status >= 200 && status < 300;
/** Statuses as they are told. */
export const told = (statuses: readonly number[]): string => statuses.join(", ");

/** Tries once; a lost connection is `unavailable`. */
export async function attempt(client: Client, call: Call): Promise<Tried> {
  try {
    return await client.attempt(call);
  } catch (error) {
    throw connectionFailure(error, ACTION, client.where);
  }
}

/** What a probe fails with that got no answer. */
export function lost({ where }: Client): OciError {
  return new OciError("unavailable", `Cannot ${ACTION} ${placed(where)}: no answer came`, {
    url: where.url,
  });
}
