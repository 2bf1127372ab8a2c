import { createGunzip, createZstdDecompress } from "node:zlib";
import { createDigester, type Digest, OciError, writableAlgorithm } from "../../core/mod.ts";
import type { Member } from "./members.ts";

/** A layer that is compressed. */
export interface Packed extends Member {
  readonly by: "gzip" | "zstd";
  /** What the digest of its content is said to be. */
  readonly content: Digest;
}

/** The chunks of a packed layer; throws `corrupt` behind the last of them if it does not hold what is said. */
export async function* asSaid(
  chunks: AsyncIterable<Uint8Array>,
  { name, by, content }: Packed,
): AsyncGenerator<Uint8Array> {
  const inflater = by === "gzip" ? createGunzip() : createZstdDecompress();
  const digester = createDigester(writableAlgorithm(content));
  let broken = false;
  const over = new Promise<void>((done) => {
    inflater.on("end", done).on("close", done).on("error", () => {
      broken = true;
      done();
    });
  });
  inflater.on("data", (bytes: Uint8Array) => digester.update(bytes));
  try {
    for await (const chunk of chunks) {
      // A copy, as the chunk is the reader's own, who may write to it.
      const taken = chunk.slice();
      if (!broken) await Promise.race([over, new Promise((done) => inflater.write(taken, done))]);
      yield chunk;
    }
    if (!broken) inflater.end();
    await over;
  } finally {
    inflater.destroy();
  }
  const found = broken ? `cannot be inflated by ${by}` : `holds ${digester.digest()}`;
  if (found === `holds ${content}`) return;
  const action = `Cannot read the layer ${JSON.stringify(name)}`;
  throw new OciError("corrupt", `${action}: it ${found}, not ${content} as its config says`);
}
