import {
  type Backend,
  type CommandContext,
  defineBody,
  INDEX,
  isOciError,
  type Layout,
  noteFacts,
  type OciError,
  type Place,
  transferFlags,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import { createFaults } from "./check/faults.ts";
import { openRebuilt } from "./check/rebuild.ts";
import { createMend, leave } from "./check/repair.ts";
import { type Checked, checkLayout } from "./check/run.ts";
import { readSample } from "./check/sample.ts";
import { find, nameIn } from "./find.ts";
import type { Problem } from "./problem.ts";
import { openTarget } from "./target.ts";
import { bytes, columns, plural } from "./text.ts";

const flags = {
  "fast": { type: "switch", help: "read manifests only: layers must be there, of the right size" },
  "sample": {
    type: "text",
    placeholder: "5%|SIZE",
    help: "read only so much of the layers, chosen at random",
  },
  "seed": { type: "count", help: "choose the same sample again" },
  "unreachable": { type: "switch", help: "also what nothing refers to" },
  "repair": {
    type: "switch",
    help: "mend what can be mended: the file oci-layout, modes, leftovers; set corrupt blobs aside",
  },
  "from": {
    type: "text",
    many: true,
    placeholder: "PLACE",
    help: "with --repair: fetch missing and corrupt blobs from there",
  },
  "rebuild-index": { type: "switch", help: "list anew what is stored, if the index is lost" },
  "accept-index": {
    type: "switch",
    help: "an index that was made anew is all right: gc may go on",
  },
  ...writeFlags,
  "jobs": transferFlags.jobs,
  "rate": transferFlags.rate,
  "keep-going": transferFlags["keep-going"],
} as const;

type Context = CommandContext<typeof flags>;

/** The exit code where a problem remains. */
const REMAINS = 3;

/** `stowage check`. */
export default defineBody({
  usage: "PLACE[:ref]",
  details:
    "Verifies all that the index reaches: manifests, and presence, size and hash of every blob. " +
    "Nothing is written without --repair, --rebuild-index or --accept-index; no name is ever dropped.",
  flags,
  examples: [
    "stowage check ./store",
    "stowage check --sample 5% 's3://images/team'",
    "stowage check ./store --repair --from 's3://images/team'",
  ],
  positionals: [1, 1],
  async run(context) {
    const { positionals: [text = ""], flags, quiet } = context;
    checkFlags(flags);
    const reference = context.reference(text);
    await using open = new AsyncDisposableStack();
    const sources: Layout[] = [];
    for (const place of flags.from) {
      sources.push(open.use(await context.open(context.place(place), "read")));
    }
    const layout = open.use(await openLayout(context, reference.place));
    const { store } = layout;
    if (flags["accept-index"]) await noteFacts(store.backend.docs, { repaired: undefined }, store);
    const faults = createFaults(flags.repair ? createMend(layout, sources) : leave);
    if (flags.repair) {
      for (const message of await mendPlace(store.backend)) {
        faults.warn({ code: "mended", message });
      }
    }
    const only = nameIn(reference) === undefined
      ? undefined
      : await find(context, layout, reference);
    const checked = await checkLayout({ context, layout, faults, options: flags }, only);
    const { problems, warnings } = faults;
    const remaining = problems.filter(({ repaired }) => repaired !== true).length;
    await context.result({
      schema: "stowage.check/1",
      ok: remaining === 0,
      place: context.print({ place: reference.place }),
      data: { checked, problems, warnings },
      lines: [
        ...columns(problems.map(lineOf)),
        ...(quiet ? [] : warnings.map(({ message }) => `warn  ${message}`)),
        ...(quiet ? [] : [totals(checked, problems.length, remaining)]),
      ],
    });
    return remaining === 0 ? 0 : REMAINS;
  },
});

function checkFlags({ from, repair, sample, fast, seed }: Context["flags"]): void {
  if (from.length > 0 && !repair) throw usageError('Cannot take "--from" without "--repair"');
  if (sample !== undefined && fast) throw usageError('Cannot take "--sample" with "--fast"');
  if (seed !== undefined && sample === undefined) {
    throw usageError('Cannot take "--seed" without "--sample"');
  }
  if (sample !== undefined) readSample(sample);
}

/** Opens the layout, to read unless something is to be mended. */
async function openLayout(context: Context, place: Place): Promise<Layout> {
  const { flags } = context;
  const { repair, "rebuild-index": rebuild, "accept-index": accept } = flags;
  if (rebuild) return await openRebuilt(context, place, flags);
  try {
    if (!repair && !accept) return await context.open(place, "read");
    return await openTarget(context, place, flags);
  } catch (error) {
    if (isOciError(error, "corrupt")) {
      context.hint(`stowage check --rebuild-index '${context.print({ place })}'`);
    }
    const lacksMarker = isOciError(error, "not_found") && repair && await hasIndex(context, error);
    if (!lacksMarker) throw error;
    return await openTarget(context, place, { ...flags, create: true });
  }
}

/** Whether there is an index where no layout was found: only the file that says so is missing then. */
async function hasIndex({ registry, clock, notice }: Context, { url }: OciError): Promise<boolean> {
  if (url === undefined) return false;
  await using backend = await registry.open(new URL(url), {
    mode: "read",
    durability: "full",
    wait: 0,
    clock,
    notice: (code, message) => notice({ code, message }),
  });
  return await backend.docs.load(INDEX) !== undefined;
}

async function mendPlace(backend: Backend): Promise<string[]> {
  return backend.mend ? await Array.fromAsync(backend.mend()) : [];
}

function lineOf({ digest, message, path, repaired }: Problem): string[] {
  return [repaired ? "mended" : "FAIL", digest ?? "-", message, path?.join(" > ") ?? "-"];
}

function totals(
  { references, blobs, bytes: read, seed }: Checked,
  all: number,
  left: number,
): string {
  const counts = [
    plural(references, "reference"),
    plural(blobs, "blob"),
    bytes(read),
    plural(all, "problem"),
    ...(all > left ? [`${all - left} mended`] : []),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
  ];
  return `${left === 0 ? "ok" : "not ok"}  ${counts.join(", ")}`;
}
