/**
 * The collector: what nothing needs goes, beside writers and without stopping them.
 *
 * @module
 */
import { type CommandBody, defineCommand, type Layout, type Plugin } from "../../core/basics.ts";
import type { GcRequest } from "./library.ts";
import type { PlanFile } from "./plan_file.ts";
import type { Policy } from "./policy.ts";
import type { Report } from "./report.ts";
import type { Undone } from "./undo.ts";

export type { Budget as GcBudget } from "./budget.ts";
export type { Failed as GcFailed } from "./collect.ts";
export type { GcRequest } from "./library.ts";
export type { PlanFile as GcPlan } from "./plan_file.ts";
export type { Fate, Policy as RetentionPolicy, Rule as RetentionRule } from "./policy.ts";
export type {
  Dropped as GcDropped,
  GcWarning,
  Mode as GcMode,
  Phases as GcPhases,
  References as GcReferences,
  Report as GcReport,
  ReportedObject as GcObject,
  Spared as GcSpared,
  Totals as GcTotals,
  TrashReport as GcTrash,
} from "./report.ts";
export type { Undone as GcUndone } from "./undo.ts";

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

/**
 * Collects a layout that is open for writing, beside other writers: names go by the policy, and bytes that nothing
 * reaches go once their grace is over. Goes on first with what an earlier run has left. Loads the collector when it is
 * first called.
 *
 * @throws {OciError} `refused` before the first write if more would go than the policy allows; `locked` while another
 * collection is under way; `corrupt` for a manifest that cannot be read, as nobody knows what it needs; `unsupported`
 * for a place that can only be collected with `exclusive`; `conflict` if a name of `plan` has moved on; `read_only`.
 *
 * @example Keep the last three builds of each branch, for two weeks.
 * ```ts
 * import { collectGarbage, openLayout } from "../../mod.ts";
 *
 * await using store = await openLayout("mem:", { mode: "create" });
 * const rules = [{ refs: ["pr-*"], keepLast: 3, maxAge: 14 * 86_400_000 }];
 * const { refs, bytes } = await collectGarbage(store, { policy: { rules } });
 * console.log(refs.dropped.map(({ name, reason }) => `${name}: ${reason}`), bytes.deleted);
 * ```
 */
export async function collectGarbage(layout: Layout, request: GcRequest = {}): Promise<Report> {
  return await (await import("./library.ts")).collectStore(layout.store, request);
}

/**
 * What {@linkcode collectGarbage} would do: a report with a reason for each name, and a plan that can be kept and handed
 * back to it. Writes nothing; a layout that was opened to read will do.
 *
 * @throws {OciError} `corrupt` for a manifest that cannot be read. What else would be refused is a warning.
 *
 * @example Look first, then do just that.
 * ```ts
 * import { collectGarbage, openLayout, planCollection } from "../../mod.ts";
 *
 * await using store = await openLayout("mem:", { mode: "create" });
 * const { report, plan } = await planCollection(store, { policy: { untagged: "drop" } });
 * if (report.refs.dropped.length === 0) console.log("nothing to drop");
 * await collectGarbage(store, { plan });
 * ```
 */
export async function planCollection(
  layout: Layout,
  request: Omit<GcRequest, "plan" | "dryRun"> = {},
): Promise<{ report: Report; plan: PlanFile }> {
  return await (await import("./library.ts")).planStore(layout.store, request);
}

/**
 * Takes the last collection back: what was not deleted yet stays, what lies in the trash returns, and names are set
 * again where they are free.
 *
 * @throws {OciError} `not_found` if nothing is left to take back, `locked` while a collection is under way.
 */
export async function undoCollection(layout: Layout): Promise<Undone> {
  return await (await import("./undo.ts")).undo(layout.store);
}

/**
 * Reads a retention policy as it stands in a file, for {@linkcode collectGarbage}.
 *
 * @throws {OciError} `invalid`, naming the member.
 *
 * @example
 * ```ts
 * import { readRetention } from "../../mod.ts";
 *
 * const file = { schema: "stowage.retention/1", rules: [{ refs: ["pr-*"], maxAge: "14d" }] };
 * const policy = await readRetention(JSON.stringify(file));
 * console.log(policy.rules[0]?.maxAge); // 1209600000
 * ```
 */
export async function readRetention(text: string): Promise<Policy> {
  return (await import("./policy.ts")).parsePolicy(text);
}
