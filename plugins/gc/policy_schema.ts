import { readDuration, readSize, z } from "../../core/mod.ts";
import { isRange } from "./semver.ts";

/** What editors show of the members: for the JSON Schema beside this file, `retention.schema.json`. */
export const policyNotes = z.registry<{ description: string }>();

function noted<T extends z.ZodMiniType>(description: string, schema: T): T {
  policyNotes.add(schema, { description });
  return schema;
}

/** A member that may be left out. */
function may<T extends z.ZodMiniType>(description: string, schema: T): z.ZodMiniOptional<T> {
  return noted(description, z.optional(schema));
}

/** Text of a form, which also has to be of some worth. */
function textOf(form: RegExp, isGood: (text: string) => boolean, message: string) {
  return z.string().check(z.regex(form, message), z.refine(isGood, message));
}

const duration = textOf(
  /^(?:0|\d+(?:\.\d+)? ?(?:ms|s|m|h|d))$/,
  (text) => readDuration(text) !== undefined,
  'no duration: write "12h", "30d"',
);
const size = textOf(
  /^\d+(?:\.\d+)? ?(?:B|[KMGT]iB|[kKMGT]B)?$/,
  (text) => readSize(text) !== undefined,
  'no size: write "20GiB"',
);
const range = textOf(/\S/, isRange, 'no range of versions: write ">=1.2 <2"');
const share = z.string().check(
  z.regex(/^(?:100(?:\.0+)?|\d?\d(?:\.\d+)?)%$/, 'no share: write "50%"'),
);
const fate = z.union([z.literal("keep"), z.literal("drop"), duration]);
const comment = may("For people.", z.string());
const glob = z.string().check(z.minLength(1));

const rule = z.strictObject({
  comment,
  refs: noted(
    "Globs of names, with * and ?. The first rule that matches a name decides on it.",
    z.array(glob).check(z.minLength(1)),
  ),
  keep: may("These names stay, come what may.", z.literal("always")),
  keepLast: may(
    "Keeps the newest so many of the names that this rule decides on.",
    z.int().check(z.nonnegative()),
  ),
  maxAge: may("Keeps names that were set less than this ago.", duration),
  keepSemver: may("Keeps names that spell a version of this range, such as >=1.2 <2.", range),
});

/** Judges a policy file; strict, so that a misspelt member is an error. */
export const policySchema = noted(
  "What `stowage gc` may drop, and what never.",
  z.strictObject({
    $schema: may("Where this schema is, for editors.", z.string()),
    schema: noted("The version of this form.", z.literal("stowage.retention/1")),
    comment,
    grace: may(
      "Bytes that nothing reaches wait so long after they were stored; 1h, in buckets 24h.",
      duration,
    ),
    quarantine: may(
      "Bytes wait so long between being condemned and deleted; 0, in buckets as long as grace.",
      duration,
    ),
    untagged: may("Entries without a name: keep them, drop them, or drop them at an age.", fate),
    orphanReferrers: may(
      "Referrers whose subject is not stored: keep them, drop them, or drop them at an age.",
      fate,
    ),
    maxSize: may(
      "Names that rules may drop go, longest unset first, until what lives fits into this.",
      size,
    ),
    maxDrop: may(
      "Nothing is done if more than this share of references or bytes would go; 50%.",
      share,
    ),
    rules: may(
      "In order. A name that no rule matches stays; a rule without a keeper lets its names go; " +
        "of several keepers any one suffices.",
      z.array(rule),
    ),
  }),
);
