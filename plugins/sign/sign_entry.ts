import type { Descriptor, TagContext } from "../../core/mod.ts";
import { bind, type Signed } from "./bind.ts";
import { placeOf } from "./policy.ts";
import type { SignOptions } from "./hook.ts";
import type { Signer } from "./key.ts";
import { endOf } from "./when.ts";

/** All that is asked for, with what must be there. */
export type Signing = SignOptions & {
  readonly signer: Signer;
  readonly scope: string;
};

/** Signs an entry, in every form that is asked for. */
export async function signEntry(
  entry: Descriptor,
  context: TagContext,
  options: Omit<Signing, "now"> & { readonly now: number },
): Promise<Signed> {
  const { signer, scope, renew, now, policy, state, expires } = options;
  const keys = [...options.keys ?? [], ...policy?.keys.map(({ key }) => key) ?? []];
  const place = policy ? placeOf(policy, context) : scope;
  const signed = await bind(entry, context, {
    signer,
    scope,
    renew,
    keys,
    now,
    ...(expires === undefined ? {} : { expires: (now) => endOf(expires, now) }),
    ...(state ? { seen: async (name) => (await state.load(place)).get(name)?.sequence ?? 0 } : {}),
  });
  if (signed.binding && options.legacy) {
    const { appendLegacy } = await import("./append_legacy.ts");
    await appendLegacy(context, signed.binding, signer, options.publishAs ?? scope);
  }
  if (signed.binding && options.referrersTag) {
    const { listUnderTag } = await import("./append_legacy.ts");
    await listUnderTag(context, signed.binding.target.digest);
  }
  return signed;
}
