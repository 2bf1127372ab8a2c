import { usageError } from "../../core/mod.ts";
import type { Address } from "./address.ts";
import type { Trouble } from "./trouble.ts";

/** Where requests go: it may turn out that the bucket lives elsewhere. */
export interface Host {
  /** The server, as errors name it. */
  readonly endpoint: string;
  /** What the path of a key follows. */
  readonly base: string;
  readonly region: string;
  /** Learns the place of the bucket from an answer; false if there is nothing to learn, or it leads to strangers. */
  moveTo(trouble: Trouble): boolean;
}

/** The host of an address: the endpoint's, else Amazon's in the region. */
export function createHost(address: Address, endpoint?: URL, wanted?: string): Host {
  const { bucket } = address;
  let region = wanted ?? "us-east-1";
  let moved: string | undefined;
  const style = address.style ?? (endpoint || bucket.includes(".") ? "path" : "host");
  if (style === "host" && /^(\[.*\]|[\d.]+)$/.test(endpoint?.hostname ?? "")) {
    throw usageError(
      'Cannot use "style=host": the endpoint is a number, which no bucket fits before',
    );
  }
  const origin = () => endpoint?.origin ?? `https://s3.${region}.amazonaws.com`;
  return {
    get region() {
      return region;
    },
    get endpoint() {
      return origin();
    },
    get base() {
      if (moved !== undefined) return moved;
      const { protocol, host } = new URL(origin());
      return style === "path" ? `${origin()}/${bucket}` : `${protocol}//${bucket}.${host}`;
    },
    moveTo({ region: told, location }) {
      if (told !== undefined && told !== region) {
        region = told;
        return true;
      }
      const next = location !== undefined && URL.canParse(location) ? new URL(location) : undefined;
      if (!next || !isNear(next, new URL(origin()))) return false;
      moved = next.pathname.startsWith(`/${bucket}/`) ? `${next.origin}/${bucket}` : next.origin;
      return true;
    },
  };
}

/** Whether credentials may follow: the same host or one of its domain, and never from https to http. */
function isNear(next: URL, from: URL): boolean {
  const domain = from.hostname.replace(/^s3[.-][^.]+\./, "");
  const same = next.hostname === from.hostname || next.hostname === domain ||
    next.hostname.endsWith(`.${domain}`);
  return same && (next.protocol === "https:" || from.protocol === "http:");
}
