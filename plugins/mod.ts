/**
 * The plugins that come with Stowage.
 *
 * @module
 */
import type { Plugin } from "../core/basics.ts";
import { commandsPlugin } from "./commands/mod.ts";
import { directoryPlugin } from "./dir/mod.ts";
import { memory } from "./memory/mod.ts";

/** The plugins of the program and of the library. */
export const builtins: readonly Plugin[] = [directoryPlugin, memory(), commandsPlugin];
