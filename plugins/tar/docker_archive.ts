// What `docker save` wrote for years, and skopeo and podman do to this day: configs and layers under names of their own,
// and a list of images in place of an index.
import type { FileHandle } from "node:fs/promises";
import { dirname, join, normalize } from "node:path/posix";
import {
  check,
  createDigester,
  type Descriptor,
  type Digest,
  digestOf,
  isDigest,
  MANIFEST_TYPE,
  OciError,
  parseJson,
  type Schema,
  spelling,
  z,
} from "../../core/mod.ts";
import { bytesOf } from "./body.ts";
import type { Contents } from "./contents.ts";
import { compressionIn } from "./inflate.ts";
import type { Packed } from "./inflated.ts";
import type { Member } from "./members.ts";
import { bytesAt } from "./positions.ts";
import { documentText } from "./text.ts";

const LIST = "manifest.json";
const ACTION = "Cannot read the docker archive";
/** How large the list and a config may be, and how many links may lead to a layer. */
const [LARGEST, MOST_LINKS] = [4 << 20, 8];

interface Image {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null | undefined;
  readonly Layers: readonly string[];
}

const listSchema = z.array(z.looseObject({
  Config: z.string(),
  RepoTags: z.optional(z.nullable(z.array(z.string()))),
  Layers: z.array(z.string()),
})) as unknown as Schema<readonly Image[]>;
const configSchema = z.looseObject({
  rootfs: z.looseObject({ diff_ids: z.optional(z.nullable(z.array(z.string()))) }),
}) as unknown as Schema<{ rootfs: { diff_ids?: readonly string[] | null } }>;

/** Such an archive as a layout: its index, and where its blobs stand, or what they say. */
export interface DockerLayout {
  readonly index: string;
  readonly blobs: ReadonlyMap<Digest, Member | Packed | Uint8Array<ArrayBuffer>>;
}

/** Whether there is a list of images, and nothing of a layout. */
export function isDockerArchive({ docs, blobs }: Contents): boolean {
  return docs.has(LIST) && !docs.has("index.json") && !docs.has("oci-layout") && blobs.size === 0;
}

/**
 * Reads it as a layout. Layers go by what their config calls them, so opening reads none; those that are compressed by
 * their file names or, where these say nothing, by their bytes. Whether they hold what the config says shows when they
 * are read.
 *
 * @throws {OciError} `corrupt`, `size_exceeded`.
 */
export async function dockerLayout(file: FileHandle, contents: Contents): Promise<DockerLayout> {
  const blobs = new Map<Digest, Member | Packed | Uint8Array<ArrayBuffer>>();
  const manifests: Descriptor[] = [];

  /** The file of a name, behind links that stay within the archive. */
  function find(name: string): Member {
    let path = normalize(name);
    for (let steps = 0; steps <= MOST_LINKS; steps++) {
      for (const one of [path, `./${path}`]) {
        const member = contents.docs.get(one)?.at(-1) ?? contents.others.get(one);
        if (member) return member;
      }
      const found = contents.links.get(path) ?? contents.links.get(`./${path}`);
      if (!found) break;
      const from = found.type === "1" ? "." : dirname(path);
      path = normalize(join(from, found.link));
    }
    throw new OciError("corrupt", `${ACTION}: its list names ${JSON.stringify(name)}, not there`);
  }

  function text(name: string, member = find(name)): string {
    if (member.size <= LARGEST) return documentText(file, member, name);
    const why = `${JSON.stringify(name)} has more than ${LARGEST} bytes`;
    throw new OciError("size_exceeded", `${ACTION}: ${why}`);
  }

  async function hashOf(member: Member): Promise<Digest> {
    const digester = createDigester();
    for await (const chunk of bytesOf(file, member)) digester.update(chunk);
    return digester.digest();
  }

  async function layerOf(name: string, diffId: string | undefined): Promise<Descriptor> {
    const member = find(name);
    const by = packerOf(bytesAt(file, member.data, Math.min(4, member.size)));
    const hex = /(?:^|[/:])([a-f0-9]{64})(?:\.tar)?(?:\.[a-z]+)?$/.exec(name)?.[1];
    const said = by ? hex && `sha256:${hex}` !== diffId && `sha256:${hex}` : diffId;
    const digest = isDigest(said) ? said : await hashOf(member);
    const known = blobs.get(digest);
    if (by && known && "content" in known && known.content !== diffId) {
      const why = `${JSON.stringify(name)} holds ${known.content} or ${diffId}, its configs differ`;
      throw new OciError("corrupt", `${ACTION}: ${why}`);
    }
    blobs.set(digest, by && isDigest(diffId) ? { ...member, by, content: diffId } : member);
    const mediaType = `application/vnd.oci.image.layer.v1.tar${by ? `+${by}` : ""}`;
    return { mediaType, digest, size: member.size };
  }

  function made(mediaType: string, text: string): Descriptor {
    const bytes = new TextEncoder().encode(text);
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  const list = check(listSchema, parseJson(text(LIST)), "corrupt", `${ACTION}: "${LIST}"`);
  for (const { Config, RepoTags, Layers } of list) {
    const said = text(Config);
    const action = `${ACTION}: ${JSON.stringify(Config)}`;
    const { rootfs } = check(configSchema, parseJson(said), "corrupt", action);
    const diffIds = rootfs.diff_ids;
    if (diffIds && diffIds.length !== Layers.length) {
      const why = `it names ${diffIds.length} layers, the list ${Layers.length}`;
      throw new OciError("corrupt", `${action}: ${why}`);
    }
    const layers: Descriptor[] = [];
    for (const [at, name] of Layers.entries()) layers.push(await layerOf(name, diffIds?.[at]));
    const config = made("application/vnd.oci.image.config.v1+json", said);
    const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers };
    const entry = made(MANIFEST_TYPE, JSON.stringify(manifest));
    const names = RepoTags ?? [];
    if (names.length === 0) manifests.push(entry);
    for (const name of names) {
      const spelled = Object.entries(spelling(name)).filter(([, value]) => value !== null);
      manifests.push({ ...entry, annotations: Object.fromEntries(spelled) as never });
    }
  }
  return { index: JSON.stringify({ schemaVersion: 2, manifests }), blobs };
}

/** How a layer is compressed, as media types call it. */
function packerOf(head: Uint8Array): Packed["by"] | undefined {
  const by = compressionIn(head);
  return by === "gzip" || by === "zstd" ? by : undefined;
}
