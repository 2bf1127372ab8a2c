// What deletes heed: conditions, and deadlines.
import type { Call } from "./client.ts";
import { deleteRequest } from "./delete_request.ts";
import {
  ACTION,
  attempt,
  type Finding,
  finding,
  isSuccess,
  statusOf,
  told,
  type Tools,
} from "./probe_tools.ts";

/** A delete of what has changed leaves it. */
export async function exactDelete(tools: Tools): Promise<Finding> {
  const { client, scratch } = tools;
  await tools.set("exact", "here");
  const tried = await attempt(client, {
    operation: "DeleteObject",
    action: ACTION,
    method: "DELETE",
    key: `${scratch}exact`,
    headers: { "if-match": '"0123456789abcdef0123456789abcdef"' },
  });
  const kept = await tools.get("exact") === "here";
  const status = statusOf(tools, tried, "denial");
  return finding("delete if unchanged", "-", kept && status === 412, told([status]));
}

/** One request deletes more than one. */
export async function batchDelete(tools: Tools): Promise<Finding> {
  const { client, scratch } = tools;
  await Promise.all([tools.set("batch1", "1"), tools.set("batch2", "2")]);
  const call = await deleteRequest(client, [`${scratch}batch1`, `${scratch}batch2`]);
  const status = statusOf(tools, await attempt(client, call), "denial");
  const gone = await tools.get("batch1") === undefined && await tools.get("batch2") === undefined;
  return finding("delete of many", "-", gone, told([status]));
}

/** A presigned delete whose time is over must be refused, one in time be done. */
export async function deadline(tools: Tools): Promise<Finding> {
  const { client, scratch } = tools;
  await tools.set("deadline", "here");
  const keys = [`${scratch}deadline`];
  const now = client.time.now() ?? client.clock.now();
  const send = async (call: Call) => statusOf(tools, await attempt(client, call), "denial");
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
