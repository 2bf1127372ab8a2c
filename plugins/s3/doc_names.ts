import { OciError } from "../../core/mod.ts";

const NAME = /^(\.stowage\/)?[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;
const LONGEST = 200;

/** Where this backend keeps what is no document. */
export const INGESTS = ".stowage/ingest/";
/** Bytes on their way to a blob. */
export const STAGING = ".stowage/staging/";
/** What a probe tries out. */
export const SCRATCH = ".stowage/doctor-";
/** What the last probe found. */
export const PROBE = ".stowage/probe.json";

/** Documents whose names are used once, so that they can be deleted without a look. */
export const ONCE = /^\.stowage\/gc\/\d+\./;

/** Whether an object's name is that of a document. */
export function isDocName(name: string): boolean {
  return NAME.test(name) && name.length <= LONGEST &&
    (name.startsWith(".stowage/") ? !isReserved(name) : !name.includes("/")) && name !== "blobs";
}

function isReserved(name: string): boolean {
  return name === PROBE || [INGESTS, STAGING, SCRATCH].some((start) => name.startsWith(start));
}

/** Throws `invalid` unless a document can have this name. */
export function checkDocName(name: string): void {
  if (isDocName(name)) return;
  throw new OciError("invalid", `Cannot use ${JSON.stringify(name)} as the name of a document`);
}
