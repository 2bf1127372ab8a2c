// Between sockets and the service: reads requests, lets faults befall them, keeps the journal.
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pause } from "./context.ts";
import type { Fault, Faults } from "./faults.ts";
import type { Entry, Journal } from "./journal.ts";
import { parseTarget, type S3Answer, type S3Request, text, utf8 } from "./message.ts";
import { Problem } from "./problem.ts";
import type { Target } from "./route.ts";
import { drop, send } from "./send.ts";
import { problemAnswer } from "./service.ts";
import { aws, type Switches } from "./switches.ts";

/** What answers requests: the service in this process, or a server that they are forwarded to. */
export interface Answering {
  handle(request: S3Request): Promise<S3Answer>;
  identify(request: S3Request): Target | undefined;
  /** The server's time. */
  now(): number;
  /** How many changes there were so far. */
  changes(): number;
  /** A clock that jumps, keys that end. */
  befall(fault: Fault): void;
  /** The value of `Date`, if this side sets it. */
  date(): string | undefined;
  readonly switches: Switches | undefined;
}

export interface Front {
  readonly answering: Answering;
  readonly faults: Faults;
  readonly journal: Journal;
}

async function bodyOf(message: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of message) {
      chunks.push(chunk);
      size += chunk.length;
    }
  } catch {
    return undefined;
  }
  const told = message.headers["content-length"];
  if (!message.complete || told !== undefined && Number(told) !== size) return undefined;
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

function headOf(message: IncomingMessage, changes: number): S3Request {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    const name = (message.rawHeaders[i] ?? "").toLowerCase();
    const value = message.rawHeaders[i + 1] ?? "";
    headers[name] = name in headers ? `${headers[name]},${value}` : value;
  }
  return {
    method: message.method ?? "GET",
    ...parseTarget(message.url ?? "/"),
    headers,
    body: new Uint8Array(),
    arrived: changes,
  };
}

/** Serves one request. */
export async function serve(
  { answering, faults, journal }: Front,
  message: IncomingMessage,
  response: ServerResponse,
  connection: number,
): Promise<void> {
  const head = headOf(message, answering.changes());
  const target = answering.identify(head) ?? { bucketName: "", key: "", operation: "Unknown" };
  const fault = faults.next(target);
  const entry = journal.begin({
    at: answering.now(),
    connection,
    operation: target.operation,
    method: head.method,
    target: message.url ?? "",
    bucket: target.bucketName,
    key: target.key,
    headers: head.headers,
    ...(fault ? { fault: fault.kind } : {}),
  });
  const { switches = aws } = answering;
  const refuse = (status: number, code: string, retryAfter?: number): S3Answer => {
    const headers: Record<string, string> = retryAfter === undefined
      ? {}
      : { "retry-after": String(retryAfter) };
    return problemAnswer(new Problem(status, code, code, {}, headers), head, switches, "FAULT");
  };
  const reply = async (answer: S3Answer, out?: Fault) => {
    response.sendDate = false;
    const date = answering.date();
    const headers = { ...(date === undefined ? {} : { date }), ...answer.headers };
    entry.sent = await send(response, { ...answer, headers }, head.method, out);
  };

  if (fault?.kind === "drop" && fault.when === "head") return drop(message, fault.by);
  if (fault?.kind === "early") {
    response.setHeader("connection", "close");
    await reply(refuse(fault.status, fault.code));
    message.socket.end();
    return;
  }
  if (fault?.kind === "stall" && fault.where === "upload") await pause(fault.ms);
  const body = await bodyOf(message);
  if (!body) return;
  const request = { ...head, body };
  entry.received = body.length;
  if (body.length <= 1 << 20) entry.bodyHash = createHash("sha256").update(body).digest("hex");
  const apply = async () => noted(entry, await answering.handle(request));

  switch (fault?.kind) {
    case "status":
      if (fault.applied) await apply();
      return await reply(refuse(fault.status, fault.code, fault.retryAfter));
    case "error200":
      if (fault.applied) await apply();
      return await reply({ ...refuse(500, fault.code), status: 200 });
    case "drop":
      if (fault.when === "applied") await apply();
      return drop(message, fault.by);
    case "late":
      if (fault.by) drop(message, fault.by);
      await pause(fault.ms);
      return fault.by ? void await apply() : await reply(await apply());
    case "again": {
      const first = await apply();
      if (fault.shown === "first") await reply(first);
      await pause(fault.ms);
      const second = await answering.handle(request);
      return fault.shown === "first" ? undefined : await reply(second);
    }
    case "gate": {
      if (!fault.applied) await faults.gate(fault.name);
      const answer = await apply();
      if (fault.applied) await faults.gate(fault.name);
      return await reply(answer);
    }
    case "clock":
    case "expire":
      answering.befall(fault);
      return await reply(await apply());
    default:
      return await reply(await apply(), fault);
  }
}

/** Notes in the journal what the service made of a request. */
function noted(entry: Entry, answer: S3Answer): S3Answer {
  entry.status = answer.status;
  if (answer.status >= 300) {
    const code = /<Code>([^<]+)/.exec(text(answer.body[0] ?? utf8("")))?.[1];
    if (code !== undefined) entry.code = code;
  }
  return answer;
}
