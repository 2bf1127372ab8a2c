import {
  type Backend,
  type CommandContext,
  defineBody,
  type Diagnosis,
  type Finding,
  isOciError,
  type Place,
} from "../../core/mod.ts";
import { columns } from "./text.ts";

const flags = {
  "read-only": { type: "switch", help: "write nothing, not even to try" },
} as const;

/** The exit code where something that is needed fails. */
const WANTING = 3;

/** `stowage doctor`. */
export default defineBody({
  usage: "PLACE",
  details:
    "Tries what a place can do, with keys of its own that are removed again: whether many may write, " +
    "whether garbage may be collected meanwhile, and what else may surprise.",
  flags,
  examples: ["stowage doctor ./store", "stowage doctor 's3://images/team?region=eu-west-1'"],
  positionals: [1, 1],
  async run(context: CommandContext<typeof flags>) {
    const { flags, quiet, positionals: [text = ""] } = context;
    const place = context.place(text);
    const { layout, url } = await look(context, place);
    await using backend = await openBackend(context, url, flags["read-only"]);
    const told = await backend.diagnose?.();
    const diagnosis: Diagnosis = {
      findings: [...told?.findings ?? [], layout],
      safe: told?.safe ?? { concurrentWrites: true, gc: true },
      facts: told?.facts ?? {},
    };
    const wanting = diagnosis.findings.some(({ required, result }) =>
      required && result === "fail"
    );
    const { findings, safe, facts } = diagnosis;
    await context.result({
      schema: "stowage.doctor/1",
      ok: !wanting,
      place: context.print({ place }),
      data: { ...facts, probes: findings, safe },
      lines: quiet ? [] : linesOf(diagnosis),
    });
    return wanting ? WANTING : 0;
  },
});

async function openBackend(
  { registry, notice, clock }: CommandContext<typeof flags>,
  url: URL,
  readOnly: boolean,
): Promise<Backend> {
  return await registry.open(url, {
    mode: readOnly ? "read" : "write",
    durability: "full",
    wait: 0,
    clock,
    notice: (code, message) => notice({ code, message }),
  });
}

/** Whether a layout is there, as whoever opens it finds out, and where that would be. */
async function look(
  { open }: Pick<CommandContext, "open">,
  place: Place,
): Promise<{ layout: Finding; url: URL }> {
  const name = "layout";
  try {
    await using layout = await open(place, "read");
    const { manifests } = await layout.index();
    const detail = `${manifests.length} in its index`;
    return { layout: { name, required: false, result: "ok", detail }, url: layout.url };
  } catch (error) {
    if (!isOciError(error) || error.url === undefined) throw error;
    const missing = error.code === "not_found" && error.reason === undefined;
    const detail = missing ? "none is there" : error.message;
    const result = missing ? "skip" : "fail";
    return { layout: { name, required: !missing, result, detail }, url: new URL(error.url) };
  }
}

function* linesOf({ findings, safe, facts }: Diagnosis): Generator<string> {
  const word = { ok: "ok", warn: "warn", fail: "FAIL", skip: "skip" } as const;
  yield* columns(findings.map(({ name, result, detail }) => [word[result], name, detail]));
  const tier = facts["tier"];
  if (typeof tier === "string") yield `tier  ${tier}`;
  yield `safe  ${safe.concurrentWrites ? "many writers" : "one writer"}, ${
    safe.gc ? "collected beside them" : "collected alone"
  }`;
  for (const { name, advice } of findings) if (advice !== undefined) yield `${name}: ${advice}`;
}
