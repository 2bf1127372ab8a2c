// One layout that many tests of the program tell of.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import type { Descriptor, Digest } from "../../core/mod.ts";
import { imageOf, indexOf, pushAll, pushImage } from "../images.ts";
import { blobPath, openFolder } from "./layout.ts";
import type { Run } from "./stowage.ts";

/** What its digests are called here. */
export interface Story {
  /** `v1` and `latest`: one image. */
  readonly image: Digest;
  readonly config: Digest;
  readonly layer: Digest;
  /** `multi`: an index of that image, for linux/amd64, and of another one. */
  readonly multi: Digest;
  /** The other one, for linux/arm64: listed nowhere else. */
  readonly other: Digest;
  /** Refers to the image; has no name. */
  readonly signature: Digest;
  /** `solo`: shares nothing with the others. */
  readonly solo: Digest;
}

export const SIGNATURE_TYPE = "application/vnd.example.signature";

/** Makes the layout by the library. */
export async function tellStory(folder: string): Promise<Story> {
  await using layout = await openFolder(folder);
  const { descriptor: image, config, layer } = imageOf("image");
  await pushImage(layout, "image");
  const other = await pushImage(layout, "other");
  const solo = await pushImage(layout, "solo");
  const signature = imageOf("signature", { subject: image, artifactType: SIGNATURE_TYPE });
  await pushAll(layout, signature.config, signature.layer);
  const on = (architecture: string, child: Descriptor) => ({
    ...child,
    platform: { os: "linux", architecture },
  });
  const multi = indexOf([on("amd64", image), on("arm64", other)]);
  await pushAll(layout, multi);
  await layout.tag(image, ["v1", "latest"]);
  await layout.tag(multi.descriptor, "multi");
  await layout.pushManifest(signature.bytes);
  await layout.tag(solo, "solo");
  return {
    image: image.digest,
    config: config.descriptor.digest,
    layer: layer.descriptor.digest,
    multi: multi.descriptor.digest,
    other: other.digest,
    signature: signature.descriptor.digest,
    solo: solo.digest,
  };
}

/** Flips one bit of a stored blob. */
export function damage(folder: string, digest: string): void {
  const path = blobPath(folder, digest);
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

/** Whether a stored blob is what its name says. */
export function isWhole(folder: string, digest: string): boolean {
  const bytes = readFileSync(blobPath(folder, digest));
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` === digest;
}

/** Text for people: whole lines, nothing at their ends. */
export function assertTidy({ out, lines }: Run): void {
  assert.ok(out === "" || out.endsWith("\n"), "the last line must end");
  for (const line of lines) assert.equal(line, line.trimEnd());
}
