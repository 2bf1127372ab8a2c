// An answer on its way out, and all that may befall it there.
import type { ServerResponse } from "node:http";
import { pause } from "./context.ts";
import type { End, Fault } from "./faults.ts";
import type { S3Answer } from "./message.ts";

const SLICE = 64 << 10;

/** Ends a connection, politely or not. */
export function drop({ socket }: { readonly socket: ServerResponse["socket"] }, by: End): void {
  try {
    if (by === "rst") return void socket?.resetAndDestroy();
  } catch {
    // Bun resets no connection of TLS.
  }
  socket?.destroy();
}

async function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && !response.destroyed; at += SLICE) {
    if (response.write(bytes.subarray(at, at + SLICE))) continue;
    await new Promise<void>((done) => {
      const go = () => {
        response.off("drain", go).off("close", go);
        done();
      };
      response.on("drain", go).on("close", go);
    });
  }
}

/** Everything written so far has left. */
const flushed = (response: ServerResponse) =>
  new Promise<void>((done) => response.write(new Uint8Array(), () => done()));

/** Cuts a body in two. */
function split(body: readonly Uint8Array[], at: number): [Uint8Array[], Uint8Array[]] {
  const [before, after]: [Uint8Array[], Uint8Array[]] = [[], []];
  for (const chunk of body) {
    const take = Math.max(0, Math.min(at, chunk.length));
    if (take > 0) before.push(chunk.subarray(0, take));
    if (take < chunk.length) after.push(chunk.subarray(take));
    at -= take;
  }
  return [before, after];
}

function flipped(body: readonly Uint8Array[], at: number): Uint8Array[] {
  const [before, after] = split(body, at);
  const [first, ...rest] = after;
  if (!first) return before;
  const wrong = first.slice();
  wrong[0] = (wrong[0] ?? 0) ^ 1;
  return [...before, wrong, ...rest];
}

/** Sends an answer; the number of body bytes sent comes back. */
export async function send(
  response: ServerResponse,
  answer: S3Answer,
  method: string,
  fault?: Fault,
): Promise<number> {
  if (fault?.kind === "stall" && fault.where === "head") await pause(fault.ms);
  const body = method === "HEAD"
    ? []
    : fault?.kind === "flip"
    ? flipped(answer.body, fault.at)
    : answer.body;
  const size = body.reduce((sum, { length }) => sum + length, 0);
  const blanks = fault?.kind === "blanks" ? fault.ms : answer.blanks ?? 0;
  const { "content-length": told, ...headers } = answer.headers;
  const withLength = answer.status !== 204 && answer.status !== 304 && blanks === 0 &&
    !(fault?.kind === "cut" && fault.chunked);
  const length = Number(method === "HEAD" ? told ?? 0 : size) +
    (fault?.kind === "length" ? fault.by : 0);
  response.writeHead(answer.status, {
    ...headers,
    ...(withLength ? { "content-length": String(length) } : {}),
  });
  switch (fault?.kind) {
    case "cut": {
      for (const chunk of split(body, fault.at)[0]) await write(response, chunk);
      await flushed(response);
      drop(response, fault.by);
      return Math.min(size, fault.at);
    }
    case "length":
      response.shouldKeepAlive = false;
      for (const chunk of body) await write(response, chunk);
      await flushed(response);
      drop(response, "fin");
      return size;
    case "slow":
      await sendSlowly(response, body, fault.rate);
      break;
    case "stall": {
      const [before, after] = split(body, fault.where === "body" ? fault.at ?? 0 : 0);
      for (const chunk of before) await write(response, chunk);
      if (fault.where === "body") await pause(fault.ms);
      for (const chunk of after) await write(response, chunk);
      break;
    }
    default: {
      const [first, ...rest] = body;
      if (first) await write(response, first);
      await sendBlanks(response, blanks);
      for (const chunk of rest) await write(response, chunk);
    }
  }
  if (!response.destroyed) response.end();
  return size;
}

async function sendSlowly(response: ServerResponse, body: readonly Uint8Array[], rate: number) {
  const step = Math.max(1, Math.ceil(rate / 20));
  for (const chunk of body) {
    for (let at = 0; at < chunk.length && !response.destroyed; at += step) {
      await write(response, chunk.subarray(at, at + step));
      await pause(50);
    }
  }
}

async function sendBlanks(response: ServerResponse, ms: number): Promise<void> {
  for (let left = ms; left > 0 && !response.destroyed; left -= 100) {
    response.write(" ");
    await pause(Math.min(left, 100));
  }
}
