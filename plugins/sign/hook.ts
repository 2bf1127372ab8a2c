import {
  type Descriptor,
  type Digest,
  type Hook,
  isDigestTag,
  nameOf,
  OciError,
  type TagContext,
} from "../../core/mod.ts";
import type { Floor } from "./floor.ts";
import type { PublicKey, Signer } from "./key.ts";
import type { Policy } from "./policy.ts";
import type { State } from "./state.ts";

/** What the hook `sign` does. */
export interface SignOptions {
  /** Signs every name that is set. */
  readonly signer?: Signer | undefined;
  /** Where the names mean something, such as `registry.example/team/app`; default the policy's. */
  readonly scope?: string | undefined;
  /** Until when: a time such as `2027-01-01T00:00:00Z`, or a duration such as `P90D` or `90d`. */
  readonly expires?: string | undefined;
  /** Sign anew although a signature holds. */
  readonly renew?: boolean | undefined;
  /** Keys whose statements are co-signed, beside those of the policy. */
  readonly keys?: readonly PublicKey[] | undefined;
  /** Also a signature of the content as older cosign reads it. */
  readonly legacy?: boolean | undefined;
  /** The image name that such a signature is for; default the scope. */
  readonly publishAs?: string | undefined;
  /** Also list signatures in an index that is tagged with the digest. */
  readonly referrersTag?: boolean | undefined;
  /** Put back what other tools dropped, instead of signing. */
  readonly repair?: boolean | undefined;
  /** What may be read by name. Without it everything may. */
  readonly policy?: Policy | undefined;
  /** What was seen before. */
  readonly state?: State | undefined;
  /** Milliseconds since 1970; default the layout's clock. */
  readonly now?: (() => number) | undefined;
}

/**
 * The hook that signs names as they are set, and refuses to read those that do not verify. Without a signer it keeps
 * what entries bring along; the parts that sign and verify load when they are needed.
 */
export function signHook(options: SignOptions = {}): Hook {
  const { signer, policy, state, repair = false } = options;
  const floors = new Map<string, Floor>();
  return {
    name: "sign",
    async beforeTag(entry: Descriptor, context: TagContext) {
      const name = nameOf(entry);
      if (name === undefined || isDigestTag(name)) return;
      const now = options.now?.() ?? context.clock.now();
      if (repair) {
        return await (await import("./repair.ts")).repair(entry, context, {
          policy,
          now,
          keys: options.keys,
        });
      }
      if (!signer) {
        if (!isBound(entry)) return;
        return await (await import("./bind.ts")).carry(entry, context);
      }
      const scope = options.scope ?? policy?.scope;
      if (scope === undefined) {
        throw new OciError("invalid", "Cannot sign: say in which scope the name holds");
      }
      const { signEntry } = await import("./sign_entry.ts");
      const { entry: signed, floor } = await signEntry(entry, context, {
        ...options,
        signer,
        scope,
        now,
      });
      if (floor) floors.set(name, floor);
      else floors.delete(name);
      return signed;
    },
    async afterTag(_, context) {
      if (floors.size === 0) return;
      const noted = [...floors.values()];
      floors.clear();
      await (await import("./floor.ts")).noteFloors(context, noted);
    },
    ...(policy
      ? {
        async beforeRead(entry, context) {
          const { refuse } = await import("./refuse.ts");
          const now = options.now?.() ?? context.clock.now();
          await refuse(entry, context, { policy, state, now });
        },
      }
      : {}),
    async edges({ annotations }, { blobs }) {
      const text = annotations?.[`${BINDING}.ref`];
      if (text === undefined) return [];
      const found: Descriptor[] = [];
      for (const digest of text.split(" ").slice(0, MOST)) {
        if (!/^sha(256|512):[a-f0-9]+$/.test(digest)) continue;
        const blob = await blobs.stat(digest as Digest);
        if (blob) found.push({ mediaType: BUNDLE, digest: blob.digest, size: blob.size });
      }
      return found;
    },
  };
}

const BINDING = "dev.stowage.binding";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const MOST = 32;

function isBound({ annotations = {} }: Descriptor): boolean {
  return Object.keys(annotations).some((name) => name.startsWith(BINDING));
}
