import {
  type CommandContext,
  defineBody,
  isOciError,
  noteFacts,
  type Place,
  writeFlags,
} from "../../core/mod.ts";
import { readPairs } from "./annotations.ts";
import { openTarget } from "./target.ts";

/** `stowage init`. */
export default defineBody({
  usage: "PLACE",
  details: "Makes an empty layout. One that is there counts as success; what it lacks is added.",
  flags: {
    "annotation": {
      type: "text",
      many: true,
      placeholder: "K=V",
      help: "say this of the layout as a whole",
    },
    "sparse": { type: "switch", help: "declare that some of what is listed may be missing" },
    ...writeFlags,
  },
  examples: ["stowage init ./store", "stowage init 's3://images/team?region=eu-west-1'"],
  positionals: [1, 1],
  async run(context) {
    const { flags, quiet, positionals: [text = ""] } = context;
    const place = context.place(text);
    const annotations = readPairs(flags.annotation);
    const existed = await isThere(context, place);
    await using layout = await openTarget(context, place, { ...flags, create: true });
    const { store, notices } = layout;
    const repaired = notices.filter(({ code }) => code === "repaired").map(({ message }) =>
      message
    );
    if (flags.sparse) await noteFacts(store.backend.docs, { sparse: true }, store);
    await store.root.edit((index) => {
      const said = index.annotations ?? {};
      const holds = Object.entries(annotations).every(([name, value]) => said[name] === value);
      return holds ? index : { ...index, annotations: { ...said, ...annotations } };
    }, context.signal);
    const typed = context.print({ place });
    await context.result({
      schema: "stowage.init/1",
      place: typed,
      data: { created: !existed && repaired.length === 0, repaired },
      lines: quiet ? [] : [typed],
    });
  },
});

/** Whether there is a layout, sound or not. */
async function isThere({ open }: Pick<CommandContext, "open">, place: Place): Promise<boolean> {
  try {
    await (await open(place, "read"))[Symbol.asyncDispose]();
    return true;
  } catch (error) {
    if (isOciError(error, "not_found")) return false;
    if (isOciError(error, "corrupt")) return true;
    throw error;
  }
}
