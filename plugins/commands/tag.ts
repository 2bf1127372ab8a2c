import {
  checkName,
  defineBody,
  expectFlags,
  isOciError,
  named,
  nameOf,
  reading,
  writeFlags,
} from "../../core/mod.ts";
import { pinned } from "./entry.ts";
import { hintAt, nameIn, referenceTo } from "./find.ts";
import { openTarget } from "./target.ts";

/** `stowage tag`. */
export default defineBody({
  usage: "PLACE:ref NAME…",
  details: "Sets all the names in one step. No bytes are moved.",
  flags: {
    "keep-previous": { type: "switch", help: "what had the name stays listed without it" },
    ...expectFlags,
    ...writeFlags,
  },
  examples: [
    "stowage tag ./store:v1.2.0 v1.2 latest",
    "stowage tag --expect none ./store#reg.example/app:1.0 stable",
  ],
  names: ["reads", "sets"],
  positionals: [2, Infinity],
  async run(context) {
    const { flags, print, positionals: [text = "", ...names] } = context;
    const reference = referenceTo(context, text);
    reading(() => names.forEach(checkName));
    const { place } = reference;
    await using layout = await openTarget(context, place, flags);
    const expect = flags.expect === undefined
      ? {}
      : { expect: flags.expect === "none" ? null : flags.expect };
    const done = await layout.transaction(async (tx) => {
      const { index } = tx;
      const entries = await tx.tag(nameIn(reference) ?? "", names, {
        keepPrevious: flags["keep-previous"],
        ...expect,
      });
      return entries.map((entry) => {
        const name = nameOf(entry) ?? "";
        const [former] = named(index, name);
        return { name, digest: entry.digest, previous: former?.digest };
      });
    }).catch(async (error) => {
      if (isOciError(error, "not_found")) await hintAt(context, layout, reference);
      throw error;
    });
    const set = done.map(({ name, previous }) => ({
      name,
      ...(previous === undefined ? {} : { previous }),
    }));
    await context.result({
      schema: "stowage.tag/1",
      place: print({ place }),
      data: { digest: done[0]?.digest, set },
      lines: done.map(({ name, digest }) => pinned(context, place, digest, name)),
    });
  },
});
