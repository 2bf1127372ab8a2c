import { isOciError, type Layout, messageOf, walkGraph } from "../../core/mod.ts";
import type { Verdict } from "./verify.ts";

/** Reads all that an accepted entry consists of, each byte against its digest. */
export async function readDeep(layout: Layout, verdict: Verdict): Promise<Verdict> {
  if (!verdict.ok) return verdict;
  try {
    for await (const { target, node } of walkGraph(layout.store, [verdict.entry])) {
      if (node) continue;
      const { digest, size } = target;
      const stream = await layout.fetch({ mediaType: target.mediaType, digest, size });
      await stream.pipeTo(new WritableStream());
    }
    return verdict;
  } catch (error) {
    if (!isOciError(error, "corrupt", "not_found", "size_exceeded", "invalid")) throw error;
    return { ...verdict, ok: false, reason: "corrupt_content", message: messageOf(error) };
  }
}
