import {
  defineBody,
  type Descriptor,
  type FetchOptions,
  transferFlags,
  usageError,
} from "../../core/mod.ts";
import { bytesOut } from "./bytes_out.ts";
import { find, referenceTo } from "./find.ts";
import { createPace, paced } from "./pace.ts";

/** `stowage cat`. */
export default defineBody({
  usage: "PLACE:ref | PLACE@digest",
  details:
    "Writes the bytes of a manifest or blob to stdout. They are verified on their way, the " +
    "last of them before they are written; those of a range are not.",
  flags: {
    "platform": { type: "platform", help: "the manifest of this platform" },
    "range": {
      type: "text",
      placeholder: "A-B",
      help: "from byte A to byte B, both included; A-: to the end; =-N: the last N",
    },
    rate: transferFlags.rate,
  },
  examples: [
    "stowage cat ./store:v1",
    "stowage cat ./store:v1 --range 0-511",
    "stowage cat ./store:v1 --range=-100",
  ],
  names: ["reads"],
  positionals: [1, 1],
  async run(context) {
    const { flags, json, clock, signal, positionals: [text = ""] } = context;
    if (json) throw usageError("Cannot write the bytes of a blob as JSON: leave --json out");
    const reference = referenceTo(context, text);
    const range = flags.range === undefined ? undefined : readRange(flags.range);
    await using layout = await context.open(reference.place, "read");
    const { platform } = flags;
    const target = await find(
      context,
      layout,
      reference,
      platform === undefined ? {} : { platform },
    );
    const stream = await layout.fetch(target, range ? { range: range(target) } : {});
    await bytesOut(context, paced(stream, createPace(flags.rate, clock, signal)));
  },
});

/** A range of HTTP's kind, to be cut out of a blob of known size. */
function readRange(text: string): (target: Descriptor) => NonNullable<FetchOptions["range"]> {
  const [, first = "", last = ""] = /^(\d*)-(\d*)$/.exec(text) ?? [];
  const [start, end] = [Number(first), Number(last)];
  const legal = (first !== "" || last !== "") && [start, end].every(Number.isSafeInteger) &&
    (first === "" || last === "" || start <= end);
  if (!legal) {
    throw usageError(`Cannot read --range ${JSON.stringify(text)}: write "A-B", "A-" or "=-N"`);
  }
  if (first === "") return ({ size }) => ({ start: Math.max(0, size - end), end: size });
  return () => last === "" ? { start } : { start, end: end + 1 };
}
