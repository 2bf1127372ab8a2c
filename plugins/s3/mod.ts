/**
 * Layouts in buckets of Amazon S3 and of what speaks like it.
 *
 * @module
 */
import type { Plugin } from "../../core/mod.ts";
import type { Abilities } from "./ability_holder.ts";
import type { S3Options } from "./open.ts";
import type { Turns } from "./place.ts";

export type { S3Options } from "./open.ts";

/** Opens places such as `s3://bucket/prefix?region=eu-west-1`. */
export function s3(options: S3Options = {}): Plugin {
  const abilities: Abilities = new Map();
  const turns: Turns = new Map();
  return {
    name: "s3",
    backends: {
      s3: async (url, opening) => {
        const { openBucket } = await import("./open.ts");
        return await openBucket(url, opening, options, { abilities, turns });
      },
    },
  };
}

/** Opens places of the scheme `s3` as they are used outside of tests. */
export const s3Plugin: Plugin = s3();
