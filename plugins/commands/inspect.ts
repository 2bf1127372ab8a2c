import {
  type CommandContext,
  decodeUtf8,
  defineBody,
  type Descriptor,
  IMAGE_NAME,
  INDEX,
  isUsable,
  kindOf,
  type Layout,
  loadFacts,
  type Node,
  parseJson,
  type Place,
  printPlatform,
  readNode,
  REF_NAME,
  usageError,
} from "../../core/mod.ts";
import { bytesOut } from "./bytes_out.ts";
import { type Entry, entryOf } from "./entry.ts";
import { find, nameIn } from "./find.ts";
import { markOf, problemOf } from "./problem.ts";
import { bytes, columns } from "./text.ts";

const TITLE = "org.opencontainers.image.title";
const flags = {
  "platform": { type: "platform", help: "the manifest of this platform" },
  "raw": { type: "switch", help: "the bytes as they are stored" },
  "image-config": { type: "switch", help: "the config of an image instead of its manifest" },
  "digest": { type: "switch", help: "only the digest" },
} as const;

/** `stowage inspect`. */
export default defineBody({
  usage: "PLACE[:ref]",
  details:
    "What a name or digest stands for. A place alone: what is to be said of the layout; with a flag, the only " +
    "entry there.",
  flags,
  examples: [
    "stowage inspect ./store:v1",
    "stowage inspect --platform linux/arm64 --image-config ./store:v1",
    "stowage inspect --digest ./store:latest",
  ],
  names: ["reads"],
  positionals: [1, 1],
  async run(context) {
    const { flags, json, positionals: [text = ""] } = context;
    if (flags.raw && (json || flags.digest)) {
      throw usageError(`Cannot take "--raw" with "${json ? "--json" : "--digest"}"`);
    }
    const reference = context.reference(text);
    const { platform } = flags;
    const chosen = platform !== undefined || flags.raw || flags["image-config"] || flags.digest;
    await using layout = await context.open(reference.place, "read");
    if (nameIn(reference) === undefined && !chosen) {
      return await inspectPlace(context, layout, reference.place);
    }
    const target = await find(
      context,
      layout,
      reference,
      platform === undefined ? {} : { platform },
    );
    const names = await layout.references({ digest: target.digest });
    const entry = entryOf(target, names.map(({ name }) => name));
    const head = { schema: "stowage.inspect/1", place: context.print({ place: reference.place }) };
    if (flags.digest) {
      return await context.result({ ...head, data: { entry }, lines: [entry.digest] });
    }
    if (flags.raw && !flags["image-config"]) {
      return await bytesOut(context, await layout.fetch(target));
    }
    const node = kindOf(target.mediaType) && await readNode(layout.store, target);
    const config = flags["image-config"] ? await readConfig(layout, target, node) : undefined;
    if (flags.raw && config) return await bytesOut(context, new Blob([config.slice()]).stream());
    const referrers = (await layout.referrers(target.digest, { digestTags: true })).map((one) =>
      entryOf(one)
    );
    const said = config && parseJson(decodeUtf8(config));
    await context.result({
      ...head,
      data: {
        entry,
        ...(node ? { manifest: node.json } : {}),
        ...(config ? { config: said } : {}),
        referrers,
      },
      lines: config ? JSON.stringify(said, undefined, 2).split("\n") : columns([
        ...describe(entry),
        ...(node ? contents(node) : []),
        ...referrers.map(referrerRow),
      ]),
    });
  },
});

async function inspectPlace(
  { print, result }: CommandContext<typeof flags>,
  layout: Layout,
  place: Place,
): Promise<void> {
  const { backend, sparse, root } = layout.store;
  const { manifests } = await root.load();
  const doc = await backend.docs.load(INDEX);
  const notices = [...layout.notices.map(problemOf), ...markOf(await loadFacts(backend.docs))];
  const data = {
    backend: backend.url.protocol.slice(0, -1),
    entries: manifests.filter(isUsable).length,
    indexBytes: new TextEncoder().encode(doc?.text).length,
    sparse,
    notices,
  };
  const typed = print({ place });
  await result({
    schema: "stowage.inspect/1",
    place: typed,
    data,
    lines: columns([
      ["Place:", typed],
      ["Backend:", data.backend],
      ["Entries:", String(data.entries)],
      ["Index:", bytes(data.indexBytes)],
      ["Sparse:", sparse ? "yes" : "no"],
      ...notices.map(({ message }) => ["Notice:", message]),
    ]),
  });
}

async function readConfig(layout: Layout, { digest }: Descriptor, node: Node | undefined) {
  const config = node?.edges.find(({ role }) => role === "config")?.target;
  if (config) return await layout.fetchAll(config);
  throw usageError(`Cannot show the config of ${digest}: it has none; --platform chooses an image`);
}

function describe({ names = [], digest, mediaType, size, ...entry }: Entry): string[][] {
  const { artifactType, platform, annotations = {} } = entry;
  return [
    ...names.map((name) => ["Name:", name]),
    ["Digest:", digest],
    ["Media type:", mediaType],
    ["Size:", bytes(size)],
    ...(artifactType === undefined ? [] : [["Artifact type:", artifactType]]),
    ...(platform === undefined ? [] : [["Platform:", printPlatform(platform)]]),
    ...Object.entries(annotations).filter(([key]) => key !== REF_NAME && key !== IMAGE_NAME).map((
      [key, value],
    ) => ["Annotation:", `${key}=${value}`]),
  ];
}

function contents({ edges, subject, annotations = {} }: Node): string[][] {
  const rows = columns(
    edges.map(({ target: { digest, size, mediaType, platform, annotations } }) => [
      digest,
      size < 0 ? "-" : bytes(size),
      platform ? printPlatform(platform) : mediaType,
      annotations?.[TITLE] ?? "",
    ]),
  );
  return [
    ...Object.entries(annotations).map(([key, value]) => ["Annotation:", `${key}=${value}`]),
    ...(subject ? [["Subject:", subject.digest]] : []),
    ...edges.map(({ role }, at) => [LABELS[role], rows[at] ?? ""]),
  ];
}

const LABELS = { config: "Config:", layer: "Layer:", manifest: "Manifest:" } as const;

function referrerRow({ digest, size, artifactType, mediaType }: Entry): string[] {
  return ["Referrer:", `${digest}  ${bytes(size)}  ${artifactType ?? mediaType}`];
}
