import {
  check,
  type Descriptor,
  descriptorSchema,
  type Digest,
  digestSchema,
  nameOf,
  OciError,
  parseJson,
  sameJson,
  type Schema,
  sizeSchema,
  z,
} from "../../core/mod.ts";
import { only } from "./blob_list.ts";
import { createCandidates } from "./candidates.ts";
import type { CollectOptions } from "./collect.ts";
import type { Plan } from "./plan.ts";
import type { Policy } from "./policy.ts";
import type { Subject, Verdict } from "./retention.ts";

/** A plan that was looked at and is to be carried out: that, and nothing beyond. */
export interface PlanFile {
  /** What this is. */
  readonly schema: "stowage.gc-plan/1";
  /** The place it was made for; for people. */
  readonly place: string;
  /** When it was made. */
  readonly made: string;
  /** Milliseconds that unreachable bytes wait. */
  readonly grace: number;
  /** The entries that go, as they stand in the index. */
  readonly drops: readonly { readonly entry: Descriptor; readonly reason: string }[];
  /** The copies that go. */
  readonly blobs: readonly {
    readonly digest: Digest;
    readonly size: number;
    readonly version?: string;
  }[];
}

const planSchema = z.looseObject({
  schema: z.literal("stowage.gc-plan/1"),
  place: z.string(),
  made: z.string(),
  grace: z.number().check(z.nonnegative()),
  drops: z.array(z.looseObject({ entry: descriptorSchema, reason: z.string() })),
  blobs: z.array(z.looseObject({
    digest: digestSchema,
    size: sizeSchema,
    version: z.optional(z.string()),
  })),
}) as unknown as Schema<PlanFile>;

/** A plan as it is written down. */
export function planFileOf(plan: Plan, place: string, grace: number): PlanFile {
  const reasons = new Map(plan.verdicts.map(({ entry, reason }) => [entry, reason]));
  return {
    schema: "stowage.gc-plan/1",
    place,
    made: new Date(plan.t0).toISOString(),
    grace,
    drops: plan.drops.map((entry) => ({
      entry,
      reason: reasons.get(entry) ?? "its subject goes",
    })),
    blobs: Array.from(plan.candidates, ({ blob: { digest, size, version } }) => ({
      digest,
      size,
      ...(version === undefined ? {} : { version }),
    })),
  };
}

/**
 * Reads a plan.
 *
 * @throws {OciError} `invalid`, naming the member.
 */
export function parsePlan(text: string): PlanFile {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw new OciError("invalid", "Cannot read the plan: it is not JSON", { cause });
  }
  return check(planSchema, json, "invalid", "Cannot read the plan");
}

/**
 * The options that carry out a plan: its entries go, and of its blobs those that are still garbage. An entry with a
 * name that has moved is a `conflict`.
 */
export function followPlan(
  file: PlanFile,
  options: CollectOptions,
  policy: Policy,
): CollectOptions {
  const reasonOf = (entry: Descriptor) =>
    file.drops.find((drop) => sameJson(drop.entry, entry))?.reason;
  const judge = (subjects: readonly Subject[]) =>
    subjects.map((subject): Verdict => {
      const reason = reasonOf(subject.entry);
      return { ...subject, keep: reason === undefined, rule: "plan", reason: reason ?? "" };
    });
  const versions = new Map(file.blobs.map(({ digest, version }) => [digest, version]));
  const narrow = (plan: Plan): Plan => {
    for (const { entry } of file.drops) {
      if (nameOf(entry) === undefined) continue;
      if (!plan.index.manifests.some((now) => sameJson(now, entry))) throw moved(entry);
    }
    return {
      ...plan,
      drops: plan.drops.filter((entry) => reasonOf(entry) !== undefined),
      candidates: createCandidates(
        only(
          plan.candidates,
          ({ blob: { digest, version } }) =>
            versions.has(digest) && versions.get(digest) === version,
        ),
      ),
    };
  };
  return { ...options, policy, grace: file.grace, judge, narrow };
}

function moved(entry: Descriptor): OciError {
  const name = nameOf(entry) ?? entry.digest;
  return new OciError("conflict", `Cannot apply the plan: ${JSON.stringify(name)} has moved on`, {
    ref: name,
    digest: entry.digest,
  });
}
