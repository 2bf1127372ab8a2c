import process from "node:process";
import {
  chosenBy,
  type CommandContext,
  type Descriptor,
  type Layout,
  OciError,
  readNode,
  splitDigest,
  transferFlags,
} from "../../core/mod.ts";
import { EMPTY_TYPE, TITLE } from "./artifact.ts";
import { clashOf, whyNotTitle } from "./titles.ts";
import { plural } from "./text.ts";

/** The flags of `stowage pull`. */
export const pullFlags = {
  "output": {
    type: "text",
    short: "o",
    placeholder: "DIR",
    help: "write below this folder; -: one file to stdout",
    default: ".",
  },
  "include": { type: "text", many: true, placeholder: "GLOB", help: "only titles like this" },
  "platform": { type: "platform", help: "the artifact of this platform" },
  "overwrite": { type: "switch", help: "replace files that have other bytes" },
  "untitled": { type: "switch", help: "also layers without a title, as sha256-<hex>" },
  "jobs": transferFlags.jobs,
  "rate": transferFlags.rate,
  "keep-going": transferFlags["keep-going"],
} as const;

/** What `stowage pull` runs with. */
export type Pull = CommandContext<typeof pullFlags>;

/** A layer, and the file it becomes. */
export interface Wanted {
  readonly title: string;
  readonly layer: Descriptor;
}

/** What became of a layer. */
export interface Pulled {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
  readonly state: "written" | "same" | "left out";
  readonly reason?: string;
}

/** The layers that become files, and those that do not. */
export async function choose({ flags, hint, notice }: Pull, layout: Layout, entry: Descriptor) {
  const node = await readNode(layout.store, entry);
  if (node.kind === "index") {
    throw new OciError(
      "ambiguous",
      "Cannot pull an index: choose one of its manifests with --platform",
      {
        url: layout.url.href,
        digest: entry.digest,
      },
    );
  }
  const chosen = chosenBy(flags.include);
  const wanted: Wanted[] = [];
  const leftOut: Pulled[] = [];
  const leave = ({ digest, size }: Descriptor, reason: string, title = "") =>
    leftOut.push({ path: title, digest, size, state: "left out", reason });
  for (const { target: layer, role } of node.edges) {
    if (role !== "layer" || layer.mediaType === EMPTY_TYPE) continue;
    const said = layer.annotations?.[TITLE];
    const { algorithm, hex } = splitDigest(layer.digest);
    const title = said ?? (flags.untitled ? `${algorithm}-${hex}` : undefined);
    if (title === undefined) leave(layer, "no title");
    else if (!chosen(title)) leave(layer, "not included", title);
    else wanted.push({ title, layer });
  }
  const untitled = leftOut.filter(({ reason }) => reason === "no title").length;
  if (wanted.length === 0 && leftOut.length > 0) {
    if (untitled > 0) hint("stowage pull --untitled writes layers without a title");
    const why = leftOut.length > untitled ? "no file has such a title" : "no layer has a title";
    throw new OciError("not_found", `Cannot pull: ${why}`, { digest: entry.digest });
  }
  if (untitled > 0) {
    const message = `Left out ${plural(untitled, "layer")} without a title; --untitled writes them`;
    notice({ code: "untitled", message });
  }
  return { wanted, leftOut };
}

/** Makes sure that each title has a file of its own below the folder; throws `refused`. */
export function assertTitles(wanted: readonly Wanted[]): void {
  const windows = process.platform === "win32";
  for (const { title } of wanted) {
    const why = whyNotTitle(title, windows);
    if (why) throw new OciError("refused", `Refuse to write ${JSON.stringify(title)}: ${why}`);
  }
  const clash = clashOf(wanted.map(({ title }) => title));
  if (!clash) return;
  const [one, other] = clash.map((title) => JSON.stringify(title));
  throw new OciError("refused", `Refuse to write ${other}: ${one} may be the same file`);
}
