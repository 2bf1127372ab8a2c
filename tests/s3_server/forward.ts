// Faults before a real server: requests go on as they came, `Host` and all, so signatures hold.
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type FrontOptions, type OpenFront, openFront } from "./front.ts";
import type { S3Answer, S3Request } from "./message.ts";
import { personality } from "./personalities.ts";
import { targetOf } from "./route.ts";

export interface ForwardOptions extends FrontOptions {
  /** Where requests go. */
  readonly to: string;
}

/** Headers that belong to one connection. */
const OURS = ["connection", "keep-alive", "transfer-encoding"];

function passOn(to: URL, { method, target, headers, body }: S3Request): Promise<S3Answer> {
  const make = to.protocol === "https:" ? httpsRequest : httpRequest;
  const { "transfer-encoding": _, expect: __, ...kept } = headers;
  const sized = body.length > 0 || headers["content-length"] !== undefined;
  return new Promise((resolve, reject) => {
    const request = make({
      hostname: to.hostname,
      port: to.port,
      method,
      path: target,
      headers: { ...kept, ...(sized ? { "content-length": String(body.length) } : {}) },
      agent: false,
    }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const answered = Object.entries(response.headers).flatMap(([name, value]) =>
          value === undefined || OURS.includes(name) ? [] : [[name, [value].flat().join(",")]]
        );
        resolve({
          status: response.statusCode ?? 502,
          headers: Object.fromEntries(answered),
          body: chunks,
        });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Opens a port whose requests go on to another server. */
export async function forward({ to, ...options }: ForwardOptions): Promise<OpenFront> {
  const url = new URL(to);
  const switches = personality("aws");
  return await openFront({
    handle: (request) => passOn(url, request),
    identify(request) {
      try {
        return targetOf(request, switches);
      } catch {
        return undefined;
      }
    },
    now: Date.now,
    changes: () => 0,
    befall() {},
    date: () => undefined,
    switches: undefined,
  }, options);
}
