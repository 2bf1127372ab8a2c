// What a store does, found out by trying: of conditions, races, deadlines and listings. Only scratch keys are written,
// and removed in the end. A refusal for want of rights is an error, and says nothing of the store.
import { isOciError, randomHex } from "../../core/mod.ts";
import { type Ability, BOUND, type Tier } from "./ability.ts";
import type { Client } from "./client.ts";
import { SCRATCH } from "./doc_names.ts";
import { listObjects } from "./lists.ts";
import { deleteObject } from "./objects.ts";
import { pauseOf } from "./pace.ts";
import { creating, missing, race, replacing } from "./probe_conditions.ts";
import { batchDelete, deadline, exactDelete } from "./probe_deletes.ts";
import { ACTION, type Finding, finding, type Tools, toolsFor } from "./probe_tools.ts";

/** All that was tried, and what follows from it. */
export interface Probed {
  readonly findings: readonly Finding[];
  readonly ability: Ability;
}

const TRIES = 3;

/** What the store can do; asked again where it had no time. */
export async function probeStore(client: Client): Promise<Probed> {
  for (let tries = 1;; tries++) {
    try {
      return await probe(client);
    } catch (error) {
      if (!isOciError(error, "unavailable") || tries >= TRIES) throw error;
      await client.clock.sleep(pauseOf(client.clock, tries + 3));
    }
  }
}

/** Tries all that the tier depends on. */
async function probe(client: Client): Promise<Probed> {
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

/** A finding, or the failure that kept it from being made; a want of rights is thrown. */
async function tries(act: () => Promise<Finding>): Promise<Finding> {
  try {
    return await act();
  } catch (error) {
    if (!isOciError(error, "unsupported", "invalid", "corrupt")) throw error;
    return { name: "probe", result: "fail", needed: "R", detail: error.message };
  }
}

/** What was put is there at once, and gone at once when it is deleted. */
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
