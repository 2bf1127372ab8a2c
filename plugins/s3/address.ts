import { type OciError, usageError } from "../../core/mod.ts";
import { encodeKey } from "./keys.ts";

/** How a bucket is addressed: in the path, or in the host. */
export type Style = "path" | "host";

/** What an `s3:` URL says. */
export interface Address {
  readonly url: URL;
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  readonly endpoint?: URL;
  readonly region?: string;
  readonly style?: Style;
  readonly profile?: string;
  /** Requests are not signed. */
  readonly anonymous: boolean;
  /** The user promises to be the only writer. */
  readonly alone: boolean;
  /** A file of certificates that are trusted besides. */
  readonly ca?: string;
}

const KEYS = ["endpoint", "region", "style", "profile", "anonymous", "writers", "ca"];

/**
 * Reads `s3://BUCKET/PREFIX?endpoint=URL&region=R&style=path|host&profile=P&anonymous=true&writers=1&ca=FILE`.
 *
 * @throws {OciError} `invalid` with the reason `usage`.
 */
export function parseAddress(url: URL): Address {
  const bucket = decodeURIComponent(url.host);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw wrong(bucket === "" ? 'write "s3://BUCKET/PREFIX"' : `"${bucket}" is no bucket name`);
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw wrong("a place takes no user, no password and no fragment");
  }
  const query = url.searchParams;
  for (const key of new Set(query.keys())) {
    if (!KEYS.includes(key)) throw wrong(`"${key}" is not known; there are ${KEYS.join(", ")}`);
    if (query.getAll(key).length > 1) throw wrong(`"${key}" is said twice`);
  }
  const said = (key: string) => query.get(key) || undefined;
  const [style, writers, endpoint] = [said("style"), said("writers"), said("endpoint")];
  if (style !== undefined && style !== "path" && style !== "host") {
    throw wrong('"style" is "path" or "host"');
  }
  if (writers !== undefined && writers !== "1") throw wrong('"writers" can only be 1');
  const [region, profile, ca] = [said("region"), said("profile"), said("ca")];
  return {
    url,
    bucket,
    prefix: prefixOf(url),
    anonymous: said("anonymous") === "true",
    alone: writers === "1",
    ...(endpoint === undefined ? {} : { endpoint: parseEndpoint(endpoint) }),
    ...(region === undefined ? {} : { region }),
    ...(style === undefined ? {} : { style }),
    ...(profile === undefined ? {} : { profile }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/** The prefix of all keys; one slash at its end is as good as none. */
function prefixOf({ pathname }: URL): string {
  let path: string;
  try {
    path = decodeURIComponent(pathname.replace(/^\//, "").replace(/\/$/, ""));
  } catch {
    throw wrong('what follows a "%" makes no text');
  }
  if (path === "") return "";
  try {
    encodeKey(path);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  return `${path}/`;
}

/** An endpoint: `http` or `https`, and nothing behind the host. Throws `invalid`. */
export function parseEndpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && /^https?:$/.test(url.protocol) && url.username === "" &&
    url.password === "" && url.pathname === "/" && url.search === "" && url.hash === "";
  if (plain) return url;
  throw wrong('"endpoint" is a URL such as "https://s3.example.org"');
}

function wrong(why: string): OciError {
  return usageError(`Cannot use this s3 address: ${why}`);
}
