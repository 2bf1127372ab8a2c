// What deletes heed: conditions, and deadlines.
import type { Tried } from "./client.ts";
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
import { childrenOf, parseXml, textOf } from "./xml.ts";

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
  const send = async (ago: number) => {
    const call = await deleteRequest(client, keys, { from: now - ago, seconds: 60 });
    const tried = await attempt(client, call);
    return { tried, status: statusOf(tools, tried, "denial") };
  };
  const { tried, status: late } = await send(600_000);
  const kept = await tools.get("deadline") === "here";
  const { status: timely } = await send(0);
  const gone = await tools.get("deadline") === undefined;
  const good = (late === 403 || isRefusedByKey(tried)) && kept && isSuccess(timely) && gone;
  return finding(
    "a presigned delete expires",
    "G",
    good,
    `${told([late])} late, ${told([timely])} in time`,
  );
}

/** Some stores take a request that is late, and refuse each of its keys. */
function isRefusedByKey({ reply }: Tried): boolean {
  const root = reply && parseXml(new TextDecoder().decode(reply.bytes));
  if (!root || childrenOf(root, "Deleted").length > 0) return false;
  return textOf(childrenOf(root, "Error")[0], "Code") === "AccessDenied";
}
