import { type Blobs, OciError } from "../../core/mod.ts";

/** What refuses to write, and says why. */
export function refusing(why: string): (action: string) => () => Promise<never> {
  return (action) => () => Promise.reject(new OciError("read_only", `Cannot ${action}: ${why}`));
}

/** The half of a store that writes, of one that is only read. */
export function unwritable(
  why: string,
): Pick<Blobs, "ingest" | "ingests" | "abort" | "delete"> {
  const refuse = refusing(why);
  return {
    ingest: refuse("write a blob"),
    async *ingests() {},
    abort: refuse("abort a write"),
    delete: refuse("delete a blob"),
  };
}
