import {
  defineBody,
  type Digest,
  isOciError,
  nameOf,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import { hintAt, referencesTo } from "./find.ts";
import { openTarget } from "./target.ts";
import { columns } from "./text.ts";

/** `stowage untag`. */
export default defineBody({
  usage: "PLACE:ref…",
  details:
    "Drops names, all in one step; with a digest, as in ./store:v1@sha256:…, only if the name stands for it. " +
    "The bytes stay until gc.",
  flags: {
    "keep-previous": { type: "switch", help: "what loses its name stays listed without one" },
    "ignore-missing": { type: "switch", help: "a name that is not there counts as success" },
    ...writeFlags,
  },
  examples: ["stowage untag ./store:pr-118", "stowage untag --ignore-missing ./store:a ./store:b"],
  positionals: [1, Infinity],
  async run(context) {
    const { flags } = context;
    const { place, references } = referencesTo(context, context.positionals);
    const nameless = references.find(({ name }) => name === undefined);
    if (nameless) {
      throw usageError(`Cannot untag ${nameless.digest}: it is no name; "stowage remove" drops it`);
    }
    await using layout = await openTarget(context, place, flags);
    const removed = await layout.transaction(async (tx) => {
      const gone: { name: string; digest: Digest }[] = [];
      for (const reference of references) {
        const { name = "", digest } = reference;
        try {
          const former = tx.untag(name, {
            keepPrevious: flags["keep-previous"],
            ...(digest === undefined ? {} : { expect: digest }),
          });
          for (const entry of former) {
            gone.push({ name: nameOf(entry) ?? "", digest: entry.digest });
          }
        } catch (error) {
          if (!isOciError(error, "not_found")) throw error;
          if (flags["ignore-missing"]) continue;
          await hintAt(context, layout, reference);
          throw error;
        }
      }
      return gone;
    });
    await context.result({
      schema: "stowage.untag/1",
      place: context.print({ place }),
      data: { removed },
      lines: columns(removed.map(({ name, digest }) => [name, digest])),
    });
  },
});
