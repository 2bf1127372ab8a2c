import { isOciError, kindOf, messageOf, parseNode } from "../../core/mod.ts";
import type { Reason } from "./refusal.ts";
import type { Reading } from "./stored.ts";
import type { Verdict } from "./verify.ts";

/** Check 16: what the entry stands for is stored as it says. */
export async function checkContent(reading: Reading, verdict: Verdict): Promise<Verdict> {
  const { entry } = verdict;
  if (kindOf(entry.mediaType) === undefined) return verdict;
  const fail = (reason: Reason, message: string) => ({ ...verdict, ok: false, reason, message });
  try {
    const bytes = await reading.fetchAll(entry.digest);
    if (bytes.length !== entry.size) return fail("corrupt_content", "Its size is not as signed");
    const { json } = parseNode(bytes, entry.mediaType);
    const said = json["mediaType"];
    if (said === undefined || said === entry.mediaType) return verdict;
    return fail("altered_descriptor", "The manifest says it has another media type");
  } catch (error) {
    if (!isOciError(error, "corrupt", "not_found", "invalid", "size_exceeded")) throw error;
    return fail("corrupt_content", messageOf(error));
  }
}
