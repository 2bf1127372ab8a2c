import {
  type CommandContext,
  expectFlags,
  type Place,
  type Reference,
  transferFlags,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import { type AnnotationFile, readAnnotationFile, readCreated, readPairs } from "./annotations.ts";
import { CREATED, TITLE, UNKNOWN_TYPE } from "./artifact.ts";
import { type Input, readInput, readMediaType } from "./file_argument.ts";
import { clashOf, whyNotTitle } from "./titles.ts";

const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";

/** The flags of `stowage push`. */
export const pushFlags = {
  "artifact-type": { type: "text", placeholder: "TYPE", help: "what the artifact is" },
  "annotation": {
    type: "text",
    many: true,
    placeholder: "K=V",
    help: "say something of the artifact",
  },
  "annotation-file": {
    type: "text",
    placeholder: "FILE",
    help: 'annotations as JSON: {"$manifest": {…}, "$config": {…}, "TITLE": {…}}',
  },
  "media-type": {
    type: "text",
    placeholder: "TYPE",
    help: "the type of files without their own",
    default: "application/octet-stream",
  },
  "name": { type: "text", placeholder: "TITLE", help: "the title of standard input" },
  "image-config": {
    type: "text",
    placeholder: "FILE[:TYPE]",
    help: `the config of an image (${CONFIG_TYPE})`,
  },
  "subject": {
    type: "text",
    placeholder: "REF",
    help: "attach it to this reference of the place",
  },
  "tag": { type: "text", many: true, placeholder: "NAME", help: "one more name" },
  "create": { type: "switch", help: "make the layout if none is there" },
  "created": {
    type: "text",
    placeholder: "TIME",
    help: "say when it was made: a time, or now; without it SOURCE_DATE_EPOCH, or nothing",
  },
  ...expectFlags,
  ...writeFlags,
  jobs: transferFlags.jobs,
  rate: transferFlags.rate,
} as const;

/** What `stowage push` runs with. */
export type Push = CommandContext<typeof pushFlags>;

/** What is pushed, once all arguments are read and all files looked at. */
export interface Plan {
  readonly files: readonly Input[];
  readonly config: Input | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: AnnotationFile;
}

/** Reads all arguments but the place, and looks at all files. */
export async function readPlan(
  { flags, clock, terminal, hint }: Push,
  [target = "", ...typed]: readonly string[],
): Promise<Plan> {
  const defaults = {
    mediaType: readMediaType(flags["media-type"]),
    stdin: flags.name,
    target,
    hint,
  };
  const files: Input[] = [];
  for (const text of typed) files.push(await readInput(text, defaults));
  const config = flags["image-config"] === undefined
    ? undefined
    : await readInput(flags["image-config"], { mediaType: CONFIG_TYPE, target, hint });
  const streams = files.filter(({ path }) => path === "-").length;
  if (streams > 1) throw usageError("Cannot push standard input twice");
  if (flags.name !== undefined && streams === 0) {
    throw usageError('Cannot take "--name": it is the title of standard input, "-"');
  }
  const said = flags["annotation-file"] === undefined
    ? {}
    : await readAnnotationFile(flags["annotation-file"]);
  const stranger = Object.keys(said).find((key) =>
    key !== "$manifest" && key !== "$config" && !files.some(({ title }) => title === key)
  );
  if (stranger !== undefined) {
    throw usageError(`Cannot annotate ${JSON.stringify(stranger)}: no file has this title`);
  }
  const created = readCreated(flags.created, terminal.env("SOURCE_DATE_EPOCH"), clock.now());
  const manifest = {
    ...(created === undefined ? {} : { [CREATED]: created }),
    ...said["$manifest"],
    ...readPairs(flags.annotation),
  };
  const titles = files.map(({ title }) => said[title]?.[TITLE] ?? title);
  for (const title of titles) {
    const why = whyNotTitle(title, false);
    if (why) throw usageError(`Cannot push ${JSON.stringify(title)}: ${why}`);
  }
  const clash = clashOf(titles);
  if (clash) throw usageError(`Cannot push ${JSON.stringify(clash[1])}: ${clashText(clash[0])}`);
  const artifactType = flags["artifact-type"] === undefined
    ? config ? undefined : UNKNOWN_TYPE
    : readMediaType(flags["artifact-type"]);
  return { files, config, artifactType, annotations: { ...said, $manifest: manifest } };
}

function clashText(other: string): string {
  return `${JSON.stringify(other)} is pushed too, and some systems take them for one`;
}

/** The subject: `place:ref` of this same place, else a name or digest in it. */
export function subjectOf(context: Push, place: Place, typed: string): Reference {
  const here = context.print({ place });
  const whole = [":", "@", "#"].some((mark) => typed.startsWith(here + mark));
  return whole ? context.reference(typed) : { place, name: typed };
}
