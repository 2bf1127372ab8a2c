import type { Descriptor, HookContext } from "../../core/mod.ts";
import { BUNDLE_TYPES } from "./envelope.ts";
import { refusal } from "./refusal.ts";
import { verify, type VerifyOptions } from "./verify.ts";

/** Refuses to read what does not verify; what is odd besides is told. */
export async function refuse(
  entry: Descriptor,
  context: HookContext,
  options: VerifyOptions,
): Promise<void> {
  const { name } = context;
  // A listed signature vouches for others: by itself it is nothing anybody relies on.
  if (name === undefined && BUNDLE_TYPES.includes(entry.artifactType ?? "")) return;
  const { ok, reason = "unsigned", message = "", warnings } = await verify(
    context,
    entry,
    name,
    options,
  );
  if (!ok) throw refusal(reason, message);
  for (const { code, message } of warnings) {
    if (code === "no_state") continue;
    const said = name === undefined ? message : `${name}: ${message}`;
    context.notice({ code, message: said, digest: entry.digest, ...(name ? { ref: name } : {}) });
  }
}
