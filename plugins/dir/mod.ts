/**
 * Layouts in directories, as the image-spec describes them.
 *
 * @module
 */
import type { Plugin } from "../../core/mod.ts";
import type { DirectoryOptions } from "./open.ts";

export { directoryUrl } from "./url.ts";
export type { DirectoryOptions } from "./open.ts";

/** Opens places of the scheme `dir`. */
export function directory(options: DirectoryOptions = {}): Plugin {
  return {
    name: "dir",
    backends: {
      dir: async (url, opening) => {
        const { openDirectory } = await import("./open.ts");
        return await openDirectory(url, opening, options);
      },
    },
  };
}

/** Opens places of the scheme `dir` as they are used outside of tests. */
export const directoryPlugin: Plugin = directory();
