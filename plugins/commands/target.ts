import {
  type CommandContext,
  isOciError,
  type Layout,
  openLayout,
  type Place,
} from "../../core/mod.ts";
import { rehearsed } from "./rehearsal.ts";

/** What a command speaks through, whatever its flags. */
export type Context = Omit<CommandContext, "flags">;

/** How a place is opened to be written to. */
export interface TargetOptions {
  /** Make the layout if none is there. */
  readonly create?: boolean;
  /** Nothing is written: what the command does is seen by itself alone. */
  readonly "dry-run": boolean;
}

/** Opens the layout that a command writes to; the caller closes it. */
export async function openTarget(
  context: Context,
  place: Place,
  options: TargetOptions,
): Promise<Layout> {
  const mode = options.create ? "create" : "write";
  try {
    if (!options["dry-run"]) return await context.open(place, mode);
    return await openRehearsal(context, place, options.create === true);
  } catch (error) {
    if (mode === "write" && isOciError(error, "not_found")) {
      context.hint(`stowage init '${context.print({ place })}'`);
    }
    throw error;
  }
}

async function openRehearsal(context: Context, place: Place, create: boolean): Promise<Layout> {
  const { clock, signal } = context;
  const base = await openBase(context, place, create);
  const url = base.layout?.url ?? base.url;
  const { hooks = [], wait = 0, limits = {} } = base.layout?.store ?? {};
  const backend = rehearsed(url, base.layout?.store.backend);
  const mode = create ? "create" : "write";
  const layout = await openLayout(backend, { mode, clock, signal, hooks, wait, limits });
  const { layout: real } = base;
  if (real) layout[Symbol.asyncDispose] = () => real[Symbol.asyncDispose]();
  return layout;
}

/** The layout as it is, and where it would be if it is not. */
async function openBase({ open }: Context, place: Place, create: boolean) {
  try {
    const layout = await open(place, "read");
    return { layout, url: layout.url };
  } catch (error) {
    if (!create || !isOciError(error, "not_found")) throw error;
    return { layout: undefined, url: new URL(error.url ?? "mem:") };
  }
}
