import { Buffer } from "node:buffer";
import {
  type Diagnosis,
  type Finding as Told,
  isOciError,
  messageOf,
  type OpenMode,
  randomHex,
} from "../../core/mod.ts";
import type { Ability } from "./ability.ts";
import type { Client } from "./client.ts";
import { getStored } from "./conditional.ts";
import { SCRATCH } from "./doc_names.ts";
import { openUploads } from "./leftovers.ts";
import { startUpload } from "./multipart.ts";
import { deleteObject, headObject, putObject } from "./objects.ts";
import { probeStore } from "./probe.ts";
import { ACTION, attempt, type Finding, finding, nextWrite } from "./probe_tools.ts";
import { signHeaders } from "./signer.ts";
import { parseXml, textOf } from "./xml.ts";
import { base64, sha256 } from "./hash.ts";

const DAY = 86_400_000;
/** A clock that is further off than this is worth a word. */
const OFF = 60_000;

/** Advice by the name of what was found wanting. */
const ADVICE: Readonly<Record<string, string>> = {
  "versioning": "old versions of deleted blobs stay: let a lifecycle rule expire them",
  "uploads left over":
    'they are dropped by "stowage gc", or by a lifecycle rule for incomplete uploads',
  "clock": "set this machine's clock",
  "a presigned delete expires": 'collect with "--exclusive" only, while nobody writes',
};
const COMMIT_ADVICE = 'use it with "writers=1" in its address, and with one writer only';

/** All that is worth knowing of a store: what the tier depends on, and what else may surprise. */
export async function diagnose(
  client: Client,
  mode: OpenMode,
  known: Ability | undefined,
): Promise<Diagnosis> {
  const read = mode === "read";
  const first = [await wrongSecret(client), await clockOffset(client)];
  const probed = read ? undefined : await probeStore(client);
  const scratch = `${client.address.prefix}${SCRATCH}${randomHex(client.clock, 12)}-`;
  const writing = read ? [] : [
    await tried("ranges and empty objects", () => ranges(client, scratch)),
    await tried("payload hash is checked", () => payloadHash(client, scratch)),
    await tried("checksums are kept", () => checksums(client, scratch)),
    await tried("uploads in parts", () => parts(client, scratch)),
  ];
  const findings = [
    ...first,
    ...(probed?.findings ?? []),
    ...writing,
    await tried("versioning", () => versioning(client)),
    await tried("uploads left over", () => leftOver(client)),
  ];
  const ability = probed?.ability ?? known;
  const many = ability?.tier === "full" || ability?.tier === "commit";
  return {
    findings: findings.map(toldOf),
    safe: { concurrentWrites: many, gc: ability?.tier === "full" },
    facts: { endpoint: client.where.endpoint, bucket: client.where.bucket, ...factsOf(ability) },
  };
}

function factsOf(ability: Ability | undefined) {
  if (!ability) return {};
  const { tier, quoted, deleteBound } = ability;
  return { tier, etagForm: quoted ? "quoted" : "unquoted", deleteBound: deleteBound ?? null };
}

function toldOf({ name, result, needed, detail }: Finding): Told {
  const wanting = result === "warn" || result === "fail";
  const advice = wanting ? ADVICE[name] ?? (needed === "C" ? COMMIT_ADVICE : undefined) : undefined;
  const required = needed !== "-";
  return { name, result, required, detail, ...(advice === undefined ? {} : { advice }) };
}

/** A finding; what cannot be asked of this server is skipped. */
async function tried(name: string, act: () => Promise<Finding>): Promise<Finding> {
  try {
    return await act();
  } catch (error) {
    if (!isOciError(error)) throw error;
    return { name, needed: "-", result: "skip", detail: messageOf(error) };
  }
}

async function wrongSecret(client: Client): Promise<Finding> {
  const name = "wrong secret is refused";
  const scope = await client.scope();
  if (!scope) return { name, needed: "R", result: "skip", detail: "requests are not signed" };
  const credentials = { ...scope.credentials, secretAccessKey: randomHex(client.clock, 40) };
  const url = client.urlOf(`${client.address.prefix}index.json`);
  const wrong = { ...scope, credentials, cache: new Map<string, ArrayBuffer>() };
  const signed = await signHeaders({ method: "GET", url }, wrong);
  const call = { operation: "GetObject", action: ACTION, method: "GET", signed } as const;
  const { reply, trouble } = await attempt(client, call);
  const status = reply?.status ?? trouble?.status;
  return finding(name, "R", status === 403 || status === 401, `${status}`);
}

async function clockOffset(client: Client): Promise<Finding> {
  await headObject(client, `${client.address.prefix}index.json`, ACTION);
  const there = client.time.now();
  if (there === undefined) return finding("clock", "G", false, "the server tells no time");
  const off = there - client.clock.now();
  return { ...finding("clock", "-", Math.abs(off) < OFF, `${Math.round(off / 1000)} s off`) };
}

/** Removes a scratch key that was just written. */
async function drop(client: Client, key: string): Promise<void> {
  await nextWrite(client);
  await deleteObject(client, key, ACTION);
}

async function ranges(client: Client, scratch: string): Promise<Finding> {
  const key = `${scratch}range`;
  await putObject(client, key, Buffer.from("0123456789"), ACTION);
  const { status, bytes } = await client.send({
    operation: "GetObject",
    action: ACTION,
    method: "GET",
    key,
    headers: { range: "bytes=2-4" },
  });
  await nextWrite(client);
  await putObject(client, key, new Uint8Array(), ACTION);
  const empty = (await getStored(client, key, ACTION))?.bytes.length === 0;
  await drop(client, key);
  const part = status === 206 && Buffer.from(bytes).toString() === "234";
  const detail = `${status}, empty ${empty ? "kept" : "lost"}`;
  return finding("ranges and empty objects", "-", part && empty, detail);
}

async function payloadHash(client: Client, scratch: string): Promise<Finding> {
  const key = `${scratch}hash`;
  const { trouble } = await attempt(client, {
    operation: "PutObject",
    action: ACTION,
    method: "PUT",
    key,
    body: Buffer.from("other bytes"),
    hash: sha256(Buffer.from("these bytes")),
  });
  await drop(client, key);
  return finding("payload hash is checked", "-", trouble !== undefined, trouble?.code ?? "taken");
}

async function checksums(client: Client, scratch: string): Promise<Finding> {
  const key = `${scratch}sum`;
  const body = Buffer.from("summed");
  await putObject(client, key, body, ACTION);
  const { headers } = await client.send({
    operation: "HeadObject",
    action: ACTION,
    method: "HEAD",
    key,
    headers: { "x-amz-checksum-mode": "ENABLED" },
  });
  await drop(client, key);
  const kept = headers["x-amz-checksum-sha256"] === base64(sha256(body));
  return finding("checksums are kept", "-", kept, kept ? "shown" : "not shown");
}

async function parts(client: Client, scratch: string): Promise<Finding> {
  const key = `${scratch}parts`;
  const dropped = await startUpload(client, key, ACTION);
  await dropped.part(1, Buffer.from("dropped"));
  await dropped.abort();
  const upload = await startUpload(client, key, ACTION);
  await upload.part(1, Buffer.from("kept"));
  await upload.complete(4);
  await drop(client, key);
  return finding("uploads in parts", "C", true, "begun, dropped, completed");
}

async function versioning(client: Client): Promise<Finding> {
  const { bytes } = await client.send({
    operation: "GetBucketVersioning",
    action: ACTION,
    method: "GET",
    query: { versioning: "" },
  });
  const status = textOf(parseXml(Buffer.from(bytes).toString()), "Status") || "off";
  return finding("versioning", "-", status !== "Enabled", status.toLowerCase());
}

async function leftOver(client: Client): Promise<Finding> {
  const now = client.time.now() ?? client.clock.now();
  const uploads = await Array.fromAsync(openUploads(client));
  const old = uploads.filter(({ begun }) => begun.getTime() < now - DAY).length;
  const detail = `${uploads.length} unfinished, ${old} of them older than a day`;
  return finding("uploads left over", "-", old === 0, detail);
}
