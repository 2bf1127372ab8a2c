/**
 * The collector: what nothing needs goes, beside writers and without stopping them.
 *
 * @module
 */
import { type CommandBody, defineCommand, type Plugin } from "../../core/basics.ts";

/** Brings the command `gc`. */
export const gcPlugin: Plugin = {
  name: "gc",
  commands: [
    defineCommand({
      name: "gc",
      summary: "drops names by rules, and bytes that nothing needs",
      load: async (): Promise<CommandBody> => (await import("./command.ts")).default,
    }),
  ],
};
