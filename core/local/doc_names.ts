import { OciError } from "../errors.ts";

const NAME = /^(\.stowage\/)?[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;
const LONGEST = 200;

/** Which names are documents. */
export interface DocNames {
  /** Whether a name can be a document's. */
  has(name: string): boolean;
  /** Throws `invalid` unless it is. */
  check(name: string): void;
}

/** Names of one segment, and any below `.stowage/`; not those of `reserved` nor what is below them. */
export function docNames(reserved: readonly string[]): DocNames {
  const has = (name: string) =>
    NAME.test(name) && name.length <= LONGEST &&
    (name.startsWith(".stowage/") || !name.includes("/")) &&
    !reserved.some((taken) => name === taken || name.startsWith(`${taken}/`));
  return {
    has,
    check(name) {
      if (has(name)) return;
      throw new OciError("invalid", `Cannot use ${JSON.stringify(name)} as the name of a document`);
    },
  };
}
