/**
 * Layouts in tar archives, read and changed in place.
 *
 * @module
 */
import { type CommandBody, defineCommand, type Plugin } from "../../core/basics.ts";
import type { TarOptions } from "./open.ts";

export { archiveUrl } from "./url.ts";
export type { TarOptions } from "./open.ts";

/** Opens places of the scheme `tar`. */
export function tar(options: TarOptions = {}): Plugin {
  return {
    name: "tar",
    backends: {
      tar: async (url, opening) => {
        if (url.pathname === "-") {
          const { openStream } = await import("./stream.ts");
          return await openStream(url, opening);
        }
        const { openTar } = await import("./open.ts");
        return await openTar(url, opening, options);
      },
    },
    commands: [
      defineCommand({
        name: "compact",
        summary: "writes an archive anew, without what is not used any more",
        load: async (): Promise<CommandBody> => (await import("./command.ts")).default,
      }),
    ],
  };
}

/** Opens places of the scheme `tar` as they are used outside of tests. */
export const tarPlugin: Plugin = tar();
