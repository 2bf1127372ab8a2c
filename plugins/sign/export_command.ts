import { copy, defineBody, kindOf, OciError, usageError } from "../../core/mod.ts";
import { exportLegacy } from "./export_legacy.ts";
import { bundleRefs } from "./bundles.ts";

const KIND = "kind";
const IMAGE = "dev.cosignproject.cosign/image";
const IMAGE_INDEX = "dev.cosignproject.cosign/imageIndex";

/** `stowage export`. */
export default defineBody({
  usage: "--cosign PLACE:ref DIR",
  details: "Writes one signed name, with all it needs and its signatures alone, as a folder that " +
    "`cosign verify --local-image` reads: cosign 3 as it is, cosign 2 what was signed with " +
    "`stowage sign --legacy`.",
  flags: { "cosign": { type: "switch", help: "as cosign reads it" } },
  examples: [
    "stowage export --cosign ./store:v1 out",
    "cosign verify --key k.pub --insecure-ignore-tlog=true --local-image out",
  ],
  names: ["reads"],
  positionals: [2, 2],
  async run(context) {
    const { flags, positionals: [text = "", folder = ""] } = context;
    if (!flags.cosign) throw usageError('Cannot export: say for whom, "--cosign"');
    const { place, name, digest } = context.reference(text);
    if (name === undefined || digest !== undefined) {
      throw usageError(`Cannot export ${JSON.stringify(text)}: name a reference`);
    }
    const into = context.place(folder);
    if (!["dir", "file", "@"].includes(into.scheme)) {
      const way = into.scheme === "tar" ? `; write "dir:${folder.replace(/^tar:/, "")}"` : "";
      throw usageError(`Cannot export to ${JSON.stringify(folder)}: cosign reads folders${way}`);
    }
    await using from = await context.open(place, "read");
    // What a policy has to say is said before anything is made.
    const entry = await from.resolve(name);
    await using to = await context.open(into, "create");
    if ((await to.index()).manifests.length > 0) {
      throw new OciError("already_exists", `Cannot export to "${folder}": it is not empty`);
    }
    await copy(from, name, to);
    const isIndex = kindOf(entry.mediaType) === "index";
    const kind = isIndex ? IMAGE_INDEX : IMAGE;
    await to.transaction((tx) => tx.annotate(name, { [KIND]: kind }));
    const legacy = await exportLegacy(from, to, entry);
    const bundles = bundleRefs(await to.resolve(name)).length;
    if (isIndex && legacy === 0) {
      context.notice({
        code: "hidden_signature",
        message: "cosign up to 3.1.2 finds no bundles of an index: sign it with --legacy, too",
      });
    }
    if (bundles + legacy === 0) {
      context.notice({ code: "unsigned", message: `${name} is not signed` });
    }
    await context.result({
      schema: "stowage.export/1",
      place: context.print({ place: into }),
      data: { digest: entry.digest, bundles, legacy },
      lines: [context.print({ place: into })],
    });
  },
});
