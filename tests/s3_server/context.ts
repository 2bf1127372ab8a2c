// What an operation works with, and the few things that all of them do.
import { type Elements, writeXml } from "./xml.ts";
import { type S3Answer, type S3Request, utf8 } from "./message.ts";
import { problems } from "./problem.ts";
import { type Bucket, current, type Store, type Stored, type Version } from "./store.ts";
import type { Care, Operation, Switches } from "./switches.ts";

export interface Context {
  readonly request: S3Request;
  readonly operation: Operation;
  readonly switches: Switches;
  readonly store: Store;
  /** The name of the bucket; empty if none is meant. */
  readonly bucketName: string;
  readonly bucket: Bucket;
  /** The key; empty if none is meant. */
  readonly key: string;
  /** The server's time in milliseconds. */
  readonly now: () => number;
  /** A number of the seeded sequence, from 0 to 1. */
  readonly chance: () => number;
}

/** An answer of XML. */
export function xmlAnswer(
  { switches }: Pick<Context, "switches">,
  root: string,
  content: Elements,
  headers: Record<string, string> = {},
): S3Answer {
  return {
    status: 200,
    headers: { "content-type": "application/xml", ...headers },
    body: [utf8(writeXml(root, content, switches.xml))],
  };
}

/** An ETag as this operation shows it. */
export const showEtag = ({ switches, operation }: Context, etag: string): string =>
  switches.etag.bare.includes(operation) ? etag : `"${etag}"`;

/** A time as XML shows it. */
export const isoTime = (time: number): string => new Date(time).toISOString();

/** How far back readers may look. */
export const lagOf = ({ switches: { visibility } }: Context): number =>
  Math.max(visibility.reads, visibility.lists);

/** The version of a key that readers see now. */
export function seenVersion(context: Context, key = context.key, bucket = context.bucket) {
  return current(bucket, key, context.now() - context.switches.visibility.reads);
}

/** What a read without conditions needs: a version with an object. */
export function existing(
  version: Version | undefined,
  key: string,
): Version & { readonly object: Stored } {
  if (!version?.object) throw problems.noSuchKey(key);
  return { ...version, object: version.object };
}

/** Takes a header or request to heart, or not: true if it counts. */
export function heeds(care: Care, header: string): boolean {
  if (care === 501) throw problems.notImplemented(header);
  if (care === 412) throw problems.preconditionFailed(header);
  if (care === 400) throw problems.invalidArgument(`Unsupported header ${header}`, header);
  return care === "honoured";
}

/** Waits, in real time. */
export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
