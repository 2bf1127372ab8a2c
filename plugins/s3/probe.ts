// What a store does, found out by trying: of conditions, races, deadlines and listings. Only scratch keys are written,
// and removed in the end. A refusal for want of rights is an error, and says nothing of the store.
import { Buffer } from "node:buffer";
import { isOciError, randomHex } from "../../core/mod.ts";
import { type Ability, BOUND, type Tier } from "./ability.ts";
import type { Call, Client, Tried } from "./client.ts";
import { getStored } from "./conditional.ts";
import { SCRATCH } from "./doc_names.ts";
import { deleteRequest } from "./delete_request.ts";
import { listObjects } from "./lists.ts";
import { bareEtag, deleteObject, headObject, putObject } from "./objects.ts";
import { failureOf } from "./trouble.ts";

/** One thing that was tried. */
export interface Finding {
  readonly name: string;
  readonly result: "ok" | "warn" | "fail" | "skip";
  /** What needs it: reading, committing, collecting, or nothing. */
  readonly needed: "R" | "C" | "G" | "-";
  readonly detail: string;
}

/** All that was tried, and what follows from it. */
export interface Probed {
  readonly findings: readonly Finding[];
  readonly ability: Ability;
}

const ACTION = "probe the store";
const RACERS = 8;

/** What the store can do. */
export async function probeStore(client: Client): Promise<Ability> {
  return (await probe(client)).ability;
}

/** Tries all that the tier depends on. */
export async function probe(client: Client): Promise<Probed> {
  const scratch = `${client.address.prefix}${SCRATCH}${randomHex(client.clock, 12)}/`;
  const tools = toolsFor(client, scratch);
  try {
    const [basic, form, ...rest] = await Promise.all([
      tries(() => roundTrip(tools)),
      replacing(tools),
      tries(() => creating(tools)),
      tries(() => missing(tools)),
      tries(() => race(tools, "8 creators: one wins", false, false)),
      tries(() => race(tools, "8 replacers: one wins", true, true)),
      tries(() => race(tools, "8 replacers: one wins", true, false)),
      tries(() => exactDelete(tools)),
      tries(() => batchDelete(tools)),
      tries(() => deadline(tools)),
    ]);
    const [create, absent, creators, quoted, bare, exact, batch, bound] = rest;
    const replacers = form.quoted ? quoted : bare;
    const findings = [
      basic,
      create,
      ...form.findings,
      absent,
      creators,
      replacers,
      exact,
      batch,
      bound,
    ]
      .filter((one) => one !== undefined);
    const bad = (needed: Finding["needed"]) =>
      findings.find((one) => one.needed === needed && one.result === "fail");
    const tier: Tier = bad("R") ? "read" : bad("C") ? "alone" : bad("G") ? "commit" : "full";
    const why = bad("R") ?? bad("C") ?? bad("G");
    return {
      findings,
      ability: {
        tier,
        quoted: form.quoted,
        ...(tier === "full" ? { deleteBound: BOUND } : {}),
        exactDelete: exact?.result === "ok",
        batch: batch?.result === "ok" ? "both" : "single",
        ...(why ? { why: `${why.name}: ${why.detail}` } : {}),
      },
    };
  } finally {
    await cleanUp(client, scratch);
  }
}

interface Tools {
  readonly client: Client;
  readonly scratch: string;
  /** Writes under a condition, once. */
  put(name: string, text: string, headers: Record<string, string>, dawdle?: number): Promise<Tried>;
  /** Writes without one; gives the ETag. */
  set(name: string, text: string): Promise<string>;
  /** What is stored. */
  get(name: string): Promise<string | undefined>;
}

function toolsFor(client: Client, scratch: string): Tools {
  return {
    client,
    scratch,
    put: (name, text, headers, dawdle) =>
      client.attempt({
        operation: "PutObject",
        action: ACTION,
        method: "PUT",
        key: scratch + name,
        body: Buffer.from(text),
        headers,
        fresh: true,
        ...(dawdle === undefined ? {} : { dawdle }),
      }),
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

/** A finding, or the failure that kept it from being made; a want of rights is thrown. */
async function tries(act: () => Promise<Finding>): Promise<Finding> {
  try {
    return await act();
  } catch (error) {
    if (!isOciError(error, "unsupported", "invalid", "unavailable", "corrupt")) throw error;
    return { name: "probe", result: "fail", needed: "R", detail: error.message };
  }
}

const finding = (
  name: string,
  needed: Finding["needed"],
  good: boolean,
  detail: string,
): Finding => ({ name, needed, result: good ? "ok" : needed === "-" ? "warn" : "fail", detail });

/** The status of a try, a lack of rights thrown. */
function statusOf({ client }: Tools, { reply, trouble }: Tried): number {
  if (trouble?.status === 401 || trouble?.status === 403) {
    throw failureOf(trouble, ACTION, client.where);
  }
  return reply?.status ?? trouble?.status ?? 0;
}

const isSuccess = (status: number) => status >= 200 && status < 300;
const told = (statuses: readonly number[]) => statuses.join(", ");

async function roundTrip(tools: Tools): Promise<Finding> {
  const { client, scratch } = tools;
  const name = "odd 'key+&=ü.txt";
  const listed = async () => {
    const prefix = scratch.slice(client.address.prefix.length);
    const found = await Array.fromAsync(listObjects(client, { prefix: `${prefix}odd` }));
    return found.some((one) => one.name === prefix + name);
  };
  await tools.set(name, "here");
  const there = await listed() && await tools.get(name) === "here";
  await deleteObject(client, scratch + name, ACTION);
  const gone = !await listed() && await tools.get(name) === undefined;
  const detail = there ? gone ? "at once" : "still there after a delete" : "not there after a put";
  return finding("put, get, list, delete of an odd key", "R", there && gone, detail);
}

async function creating(tools: Tools): Promise<Finding> {
  const first = statusOf(tools, await tools.put("create", "first", { "if-none-match": "*" }));
  const second = statusOf(tools, await tools.put("create", "second", { "if-none-match": "*" }));
  const kept = await tools.get("create") === "first";
  const good = isSuccess(first) && (second === 412 || second === 409) && kept;
  return finding("create if absent", "C", good, told([first, second]));
}

async function replacing(tools: Tools): Promise<{ quoted: boolean; findings: Finding[] }> {
  const seen = await tools.set("replace", "first");
  const wrong = "0123456789abcdef0123456789abcdef";
  const statuses: number[] = [];
  for (const etag of [`"${wrong}"`, wrong]) {
    statuses.push(statusOf(tools, await tools.put("replace", "wrong", { "if-match": etag })));
  }
  const intact = await tools.get("replace") === "first" && !statuses.some(isSuccess);
  const right: number[] = [];
  let quoted = true;
  for (const form of [true, false]) {
    const etag = form ? `"${seen}"` : seen;
    const status = statusOf(tools, await tools.put("replace", "second", { "if-match": etag }));
    right.push(status);
    quoted = form;
    if (isSuccess(status)) break;
  }
  const replaced = isSuccess(right.at(-1) ?? 0) && await tools.get("replace") === "second";
  return {
    quoted: quoted || !replaced,
    findings: [
      finding("replace if unchanged", "C", replaced, `${told(right)}, ${quoted ? "" : "un"}quoted`),
      finding("replace with a wrong ETag", "C", intact, told(statuses)),
    ],
  };
}

async function missing(tools: Tools): Promise<Finding> {
  const etag = "0123456789abcdef0123456789abcdef";
  const status = statusOf(tools, await tools.put("missing", "x", { "if-match": `"${etag}"` }));
  const good = !isSuccess(status) && await tools.get("missing") === undefined;
  return finding("replace of a missing key", "C", good, told([status]));
}

/** Eight at once, whose bodies come in halves: a store that looks first and writes later lets more than one win. */
async function race(
  tools: Tools,
  name: string,
  replace: boolean,
  quoted: boolean,
): Promise<Finding> {
  const key = `race-${replace}-${quoted}`;
  const seen = replace ? await tools.set(key, "before") : "";
  const condition: Record<string, string> = replace
    ? { "if-match": quoted ? `"${seen}"` : seen }
    : { "if-none-match": "*" };
  const results = await Promise.all(Array.from({ length: RACERS }, async (_, at) => {
    const text = String(at).repeat(20_000);
    try {
      return { text, status: statusOf(tools, await tools.put(key, text, condition, 100)) };
    } catch (error) {
      if (isOciError(error)) throw error;
      return { text, status: 0 };
    }
  }));
  const winners = results.filter(({ status }) => isSuccess(status));
  const stored = await tools.get(key);
  const good = winners.length === 1 && stored === winners[0]?.text;
  return finding(name, "C", good, `${winners.length} of ${RACERS} won`);
}

async function exactDelete(tools: Tools): Promise<Finding> {
  const { client, scratch } = tools;
  await tools.set("exact", "here");
  const { reply, trouble } = await client.attempt({
    operation: "DeleteObject",
    action: ACTION,
    method: "DELETE",
    key: `${scratch}exact`,
    headers: { "if-match": '"0123456789abcdef0123456789abcdef"' },
  });
  const kept = await tools.get("exact") === "here";
  const detail = kept ? "honoured" : "ignored";
  const good = kept && trouble?.status === 412;
  return finding(
    "delete if unchanged",
    "-",
    good,
    `${detail}, ${reply?.status ?? trouble?.status}`,
  );
}

async function batchDelete(tools: Tools): Promise<Finding> {
  const { client, scratch } = tools;
  await Promise.all([tools.set("batch1", "1"), tools.set("batch2", "2")]);
  const call = await deleteRequest(client, [`${scratch}batch1`, `${scratch}batch2`]);
  const { reply, trouble } = await client.attempt(call);
  const gone = await tools.get("batch1") === undefined && await tools.get("batch2") === undefined;
  return finding("delete of many", "-", gone, `${reply?.status ?? trouble?.status}`);
}

/** A presigned delete whose time is over must be refused, one in time be done. */
async function deadline(tools: Tools): Promise<Finding> {
  const { client, scratch } = tools;
  await tools.set("deadline", "here");
  const keys = [`${scratch}deadline`];
  const now = client.time.now() ?? client.clock.now();
  const send = async (call: Call) => {
    const { reply, trouble } = await client.attempt(call);
    return reply?.status ?? trouble?.status ?? 0;
  };
  const late = await send(await deleteRequest(client, keys, { from: now - 600_000, seconds: 60 }));
  const kept = await tools.get("deadline") === "here";
  const timely = await send(await deleteRequest(client, keys, { from: now, seconds: 60 }));
  const gone = await tools.get("deadline") === undefined;
  const good = late === 403 && kept && isSuccess(timely) && gone;
  return finding(
    "a presigned delete expires",
    "G",
    good,
    `${told([late])} late, ${told([timely])} in time`,
  );
}

async function cleanUp(client: Client, scratch: string): Promise<void> {
  const prefix = scratch.slice(client.address.prefix.length);
  try {
    for await (const { name } of listObjects(client, { prefix })) {
      await deleteObject(client, client.address.prefix + name, ACTION);
    }
  } catch (error) {
    // What is left is found by its name, and harmless.
    if (!isOciError(error)) throw error;
  }
}
