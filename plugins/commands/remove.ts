import {
  type CommandContext,
  defineBody,
  type Descriptor,
  type Digest,
  isOciError,
  type Layout,
  nameOf,
  OciError,
  type Reference,
  type Transaction,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import { entryOf } from "./entry.ts";
import { hintAt, nameIn, referencesTo } from "./find.ts";
import { openTarget } from "./target.ts";
import { columns } from "./text.ts";
import { aliveFrom, bytesOf, weigh, type Weights } from "./weigh.ts";

const flags = {
  "now": { type: "switch", help: "the bytes too, with referrers that have no name" },
  "force": { type: "switch", help: "with --now: although something that stays needs it" },
  "all-names": { type: "switch", help: "although it has several names" },
  "ignore-missing": { type: "switch", help: "what is not there counts as success" },
  ...writeFlags,
} as const;

/** `stowage remove`. */
export default defineBody({
  usage: "PLACE@digest… | PLACE:ref…",
  details:
    "Every entry of the digest leaves the index, all in one step. The bytes stay until gc, " +
    "save with --now. What another entry needs is not removed.",
  flags,
  examples: ["stowage rm ./store:pr-118", "stowage rm --now ./store@sha256:…"],
  positionals: [1, Infinity],
  async run(context) {
    const { flags, positionals } = context;
    if (flags.force && !flags.now) throw usageError('Cannot take "--force" without "--now"');
    const { place, references } = referencesTo(context, positionals);
    await using layout = await openTarget(context, place, flags);
    const { digests, ...planned } = await layout.transaction(async (tx) => {
      const digests = await digestsOf(context, layout, tx, references);
      if (flags.now) return { digests, entries: [], bytes: 0 };
      const bytes = await freedWith(layout, digests);
      return { digests, bytes, entries: digests.flatMap((digest) => tx.remove(digest)) };
    });
    const { entries, bytes } = flags.now ? await deleteNow(layout, digests, flags.force) : planned;
    const [freeable, freed] = flags.now ? [0, bytes] : [bytes, 0];
    await context.result({
      schema: "stowage.remove/1",
      place: context.print({ place }),
      data: { removed: entries.map((entry) => entryOf(entry)), freeable, freed },
      lines: columns(entries.map((entry) => [nameOf(entry) ?? "-", entry.digest])),
    });
  },
});

/** The digests that references mean: those that the index lists, with `now` also those that are only stored. */
async function digestsOf(
  context: CommandContext<typeof flags>,
  layout: Layout,
  tx: Transaction,
  references: readonly Reference[],
): Promise<Digest[]> {
  const { flags } = context;
  const digests = new Set<Digest>();
  for (const reference of references) {
    try {
      digests.add(await digestOf(layout, tx, reference, flags));
    } catch (error) {
      if (!isOciError(error, "not_found")) throw error;
      if (flags["ignore-missing"]) continue;
      await hintAt(context, layout, reference);
      throw error;
    }
  }
  return [...digests];
}

/** The bytes that nothing needs once these have left the index; throws `refused` if something needs one of them. */
async function freedWith(layout: Layout, digests: readonly Digest[]): Promise<number> {
  const weights = await weigh(layout.store);
  const kept = weights.roots.filter(({ entry }) => !digests.includes(entry.digest));
  const after = aliveFrom(weights, kept);
  for (const digest of digests) {
    const node = weights.numberOf(digest);
    if (node !== undefined && after.has(node)) throw needed(layout, weights, kept, digest, node);
  }
  const before = aliveFrom(weights, weights.roots);
  return bytesOf(weights, [...before].filter((node) => !after.has(node)));
}

/** The digest that a reference means: one that the index lists, with `now` also one that is only stored. */
async function digestOf(
  layout: Layout,
  tx: Transaction,
  reference: Reference,
  flags: { readonly now: boolean; readonly "all-names": boolean },
): Promise<Digest> {
  const { digest } = await tx.resolve(reference.digest ?? nameIn(reference) ?? "");
  const entries = tx.index.manifests.filter((entry) => entry?.digest === digest);
  if (entries.length === 0 && !flags.now) {
    throw new OciError("not_found", `Cannot remove "${digest}": nothing lists it`, {
      url: layout.url.href,
      digest,
    });
  }
  const names = [...new Set(entries.map(nameOf))].filter((name) => name !== undefined);
  if (names.length < 2 || flags["all-names"]) return digest;
  throw new OciError(
    "conflict",
    `Cannot remove "${digest}": it has ${names.length} names, ${names.slice(0, 10).join(", ")}; ` +
      'untag one of them, or remove it with "--all-names"',
    { url: layout.url.href, digest },
  );
}

function needed(
  layout: Layout,
  weights: Weights,
  kept: Weights["roots"],
  digest: Digest,
  node: number,
): OciError {
  const holder = kept.find((root) => aliveFrom(weights, [root]).has(node))?.entry;
  const name = holder === undefined ? "a referrer" : nameOf(holder) ?? holder.digest;
  return new OciError("refused", `Cannot remove "${digest}": "${name}" needs it`, {
    url: layout.url.href,
    digest,
    ref: name,
  });
}

/** What left the index, and the bytes that went or may go. */
interface Removed {
  readonly entries: readonly Descriptor[];
  readonly bytes: number;
}

async function deleteNow(
  layout: Layout,
  digests: readonly Digest[],
  force: boolean,
): Promise<Removed> {
  const entries: Descriptor[] = [];
  let bytes = 0;
  for (const digest of digests) {
    // One of them may have gone along with another.
    const done = await layout.delete(digest, { force, ignoreMissing: true });
    entries.push(...done.entries);
    for (const { size } of done.blobs) bytes += size;
  }
  return { entries, bytes };
}
