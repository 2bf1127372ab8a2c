import { type Backend, bytes, defineBody, OciError, writeFlags } from "../../core/mod.ts";
import type { TarBackend } from "./open.ts";

/** `stowage compact`. */
export default defineBody({
  usage: "PLACE.tar",
  details:
    "Writes an archive anew beside itself, in one order and without times, and puts it in its own place. What was " +
    "deleted, replaced or hidden is gone then. Equal contents make equal bytes.",
  flags: { ...writeFlags },
  examples: ["stowage compact ./release.tar"],
  positionals: [1, 1],
  async run(context) {
    const { flags, quiet, positionals: [text = ""] } = context;
    const place = context.place(text);
    const shown = context.print({ place });
    await using layout = await context.open(place, flags["dry-run"] ? "read" : "write");
    const { backend } = layout.store;
    if (!isArchive(backend)) {
      throw new OciError("unsupported", `Cannot compact ${shown}: it is no archive`);
    }
    const { before, after } = await (flags["dry-run"] ? backend.sizes() : backend.compact());
    await context.result({
      schema: "stowage.compact/1",
      place: shown,
      data: { before, after },
      lines: quiet ? [] : [`${shown}  ${bytes(before)} to ${bytes(after)}`],
    });
  },
});

function isArchive(backend: Backend): backend is TarBackend {
  return "compact" in backend && "sizes" in backend;
}
