import { type CommandContext, defineBody, type Reference, usageError } from "../../core/mod.ts";
import { readDeep } from "./deep.ts";
import { findAll, findNamed, type Found } from "./find.ts";
import { type Policy, policyOfKeys } from "./policy.ts";
import { EXITS } from "./refusal.ts";
import { loadKeys, loadPolicy, loadState } from "./settings.ts";
import { gather, type Gathered } from "./state.ts";
import { readTime } from "./time.ts";
import { toJson, toLines } from "./verdict_report.ts";
import { type Verdict, verify } from "./verify.ts";

const flags = {
  "key": { type: "text", many: true, placeholder: "PUB", help: "trust this public key" },
  "threshold": { type: "count", help: "of these keys, so many must have signed the same" },
  "scope": { type: "text", placeholder: "S", help: "with --key: the scope that must be signed" },
  "policy": { type: "text", placeholder: "FILE", help: "whom to trust with which names" },
  "state": { type: "text", placeholder: "FILE", help: "what was seen before, against rollback" },
  "at": { type: "text", placeholder: "TIME", help: "judge as of then, and remember nothing" },
  "deep": { type: "switch", help: "also read all that the image consists of" },
  "all": { type: "switch", help: "every name of the place, and those that the state knows" },
} as const;

/** What the command runs with. */
type Verify = CommandContext<typeof flags>;

/** `stowage verify`. */
export default defineBody({
  usage: "PLACE:ref… | --all PLACE",
  details:
    "Checks that names stand for what was signed. The exit code tells the first check that " +
    "failed: 40 to 61. Without --state nobody notices that an old layout was put back.",
  flags,
  examples: [
    "stowage verify ./store:v1 --key k.pub --scope registry.example/team/app",
    "stowage verify --all ./store --policy trust.json --state seen.json",
  ],
  positionals: [1, Infinity],
  async run(context) {
    const { flags, positionals } = context;
    const policy = await policyOf(context);
    const state = flags.state === undefined ? undefined : gather(await loadState(flags.state));
    const references = positionals.map((text) => context.reference(text));
    const named = references.find(({ name, digest }) => (name ?? digest) === undefined);
    if (!flags.all && named) {
      throw usageError('Cannot verify a place: name a reference, or "--all"');
    }
    const verdicts: Verdict[] = [];
    for (const of of Map.groupBy(references, ({ place }) => context.print({ place })).values()) {
      verdicts.push(...await verifyIn(context, of, policy, state));
    }
    for (const { name, ok, reason, message = "", warnings } of verdicts) {
      const ref = name === "" ? {} : { ref: name };
      const said = name === "" ? "" : `${name}: `;
      if (!ok) context.notice({ code: reason ?? "refused", message: said + message, ...ref });
      for (const one of warnings) {
        if (one.code !== "no_state") {
          context.notice({ ...one, message: said + one.message, ...ref });
        }
      }
    }
    if (!state) context.notice({ code: "no_state", message: "rollback not checked: no --state" });
    const failed = verdicts.find(({ ok }) => !ok);
    await context.result({
      schema: "stowage.verify/1",
      ok: failed === undefined,
      data: { results: verdicts.map(toJson) },
      lines: toLines(verdicts),
    });
    return failed?.reason ? EXITS[failed.reason] : 0;
  },
});

async function policyOf({ flags }: Verify): Promise<Policy> {
  const { key, policy, scope, threshold } = flags;
  if ((policy === undefined) === (key.length === 0)) {
    throw usageError('Cannot verify: give either "--key" or "--policy"');
  }
  if (policy === undefined) {
    return policyOfKeys(loadKeys(key), {
      ...(threshold === undefined ? {} : { threshold }),
      ...(scope === undefined ? {} : { scope }),
    });
  }
  if (threshold !== undefined) throw usageError('Cannot take "--threshold": it is in the policy');
  const loaded = await loadPolicy(policy);
  return scope === undefined ? loaded : { ...loaded, scope };
}

/** Verifies references of one place. */
async function verifyIn(
  context: Verify,
  references: readonly Reference[],
  policy: Policy,
  state: Gathered | undefined,
): Promise<Verdict[]> {
  const { flags, clock } = context;
  const [first] = references;
  if (!first) return [];
  const at = flags.at === undefined ? undefined : readTime(flags.at);
  if (flags.at !== undefined && at === undefined) {
    throw usageError(`Cannot read --at ${JSON.stringify(flags.at)}: write "2026-11-22T00:00:00Z"`);
  }
  const options = { policy, state, now: at ?? clock.now(), dry: at !== undefined };
  await using layout = await context.open(first.place, "read");
  const found: Found[] = [];
  for (const reference of references) {
    const isWhole = flags.all && (reference.name ?? reference.digest) === undefined;
    const some = isWhole
      ? await findAll(layout, options)
      : [await findNamed(layout, reference, options)];
    found.push(...some);
  }
  const verdicts: Verdict[] = [];
  for (const one of found) {
    const judged = (dry: boolean) =>
      "verdict" in one
        ? one.verdict
        : verify(one.reading, one.entry, one.name, { ...options, dry });
    // Nothing is remembered before all of it is read.
    const deep = flags.deep ? await readDeep(layout, await judged(true)) : undefined;
    verdicts.push(deep?.ok === false ? deep : await judged(options.dry));
  }
  const objections = await state?.flush();
  return verdicts.map((verdict) => {
    const reason = objections?.get(verdict.name);
    return reason ? { ...verdict, ok: false, reason, message: "It was seen otherwise" } : verdict;
  });
}
