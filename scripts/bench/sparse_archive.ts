import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { BLOCK, padded } from "../../plugins/tar/block.ts";
import { headersOf } from "../../plugins/tar/pax.ts";
import { MIB } from "./pairs.ts";

const OCI = "application/vnd.oci.image";

/** A blob that is zeros but for its first bytes: it takes no room on the disk. */
interface Layer {
  readonly digest: string;
  readonly size: number;
  readonly head: Uint8Array;
}

/** Layers of zeros that differ in their first bytes. */
export function sparseLayers(count: number, size: number): Layer[] {
  const zeros = new Uint8Array(MIB);
  return Array.from({ length: count }, (_, n) => {
    const head = Buffer.from(`layer ${n}`);
    const hash = createHash("sha256").update(head);
    for (let left = size - head.length; left > 0; left -= MIB) {
      hash.update(left < MIB ? zeros.subarray(0, left) : zeros);
    }
    return { digest: `sha256:${hash.digest("hex")}`, size, head };
  });
}

/** Writes an archive of one image, `v1`, of such layers: in an instant, whatever its size. */
export async function writeSparseArchive(path: string, layers: readonly Layer[]): Promise<void> {
  await using file = await open(path, "w");
  let at = 0;
  const member = async (name: string, head: Uint8Array, size = head.length) => {
    const headers = headersOf({ name, size });
    await file.write(Buffer.concat([headers, head]), 0, headers.length + head.length, at);
    at += headers.length + padded(size);
  };
  const blob = async (mediaType: string, content: unknown) => {
    const bytes = Buffer.from(JSON.stringify(content));
    const hex = createHash("sha256").update(bytes).digest("hex");
    await member(`blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const config = await blob(`${OCI}.config.v1+json`, {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  });
  const mediaType = `${OCI}.manifest.v1+json`;
  const entry = await blob(mediaType, {
    schemaVersion: 2,
    mediaType,
    config,
    layers: layers.map(({ digest, size }) => ({
      mediaType: `${OCI}.layer.v1.tar`,
      digest,
      size,
    })),
  });
  const annotations = { "org.opencontainers.image.ref.name": "v1" };
  const index = { schemaVersion: 2, manifests: [{ ...entry, annotations }] };
  await member("index.json", Buffer.from(JSON.stringify(index)));
  await member("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  for (const { digest, size, head } of layers) {
    await member(`blobs/${digest.replace(":", "/")}`, head, size);
  }
  await file.truncate(at + 2 * BLOCK);
}
