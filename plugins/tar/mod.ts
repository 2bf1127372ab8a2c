/**
 * Layouts in tar archives, read and changed in place.
 *
 * @module
 */
import type { Plugin } from "../../core/mod.ts";
import type { TarOptions } from "./open.ts";

export { archiveUrl } from "./url.ts";
export type { TarOptions } from "./open.ts";

/** Opens places of the scheme `tar`. */
export function tar(options: TarOptions = {}): Plugin {
  return {
    name: "tar",
    backends: {
      tar: async (url, opening) => {
        const { openTar } = await import("./open.ts");
        return await openTar(url, opening, options);
      },
    },
  };
}

/** Opens places of the scheme `tar` as they are used outside of tests. */
export const tarPlugin: Plugin = tar();
