/**
 * The command line: one file a command, loaded when it runs.
 *
 * @module
 */
import { type CommandBody, defineCommand, type Plugin } from "../../core/basics.ts";

type Body = { readonly default: unknown };

const command = (
  name: string,
  summary: string,
  load: () => Promise<Body>,
  aliases: readonly string[] = [],
) =>
  defineCommand({
    name,
    summary,
    aliases,
    load: async () => (await load()).default as CommandBody,
  });

/** The commands that come with Stowage. */
export const commandsPlugin: Plugin = {
  name: "commands",
  commands: [
    command("init", "makes an empty layout", () => import("./init.ts")),
    command("push", "stores files as an artifact", () => import("./push.ts")),
    command("pull", "writes the files of an artifact", () => import("./pull.ts")),
    command("copy", "copies references from place to place", () => import("./copy.ts"), ["cp"]),
    command("tag", "sets names", () => import("./tag.ts")),
    command("untag", "drops names", () => import("./untag.ts")),
    command("list", "lists what a layout holds", () => import("./list.ts"), ["ls"]),
    command("inspect", "shows an entry, or the place", () => import("./inspect.ts"), ["show"]),
    command("tree", "draws what hangs from what", () => import("./tree.ts")),
    command("cat", "writes the bytes of a manifest or blob", () => import("./cat.ts")),
    command("remove", "drops the entries of a digest", () => import("./remove.ts"), [
      "rm",
      "delete",
    ]),
    command("check", "verifies all that is reachable", () => import("./check.ts"), ["fsck"]),
    command("doctor", "tries what a place can do", () => import("./doctor.ts")),
    command("du", "tells what each name holds", () => import("./du.ts")),
    command("ingest", "lists, aborts and resumes unfinished writes", () => import("./ingest.ts")),
    command(
      "completion",
      "writes a completion script for a shell",
      () => import("./completion.ts"),
    ),
    command("version", "tells what this program is", () => import("./version.ts")),
    command("help", "says how a command is used", () => import("./help.ts")),
  ],
};
