/**
 * Signed references: a name is bound to a descriptor as it is set, and checked as it is read.
 *
 * @module
 */
import {
  type Command,
  type CommandBody,
  defineCommand,
  type FlagTable,
  type Hook,
  type Layout,
  type Plugin,
  usageError,
} from "../../core/basics.ts";
import type { SignOptions } from "./hook.ts";
import type { NewKey, NewKeyOptions } from "./new_key.ts";
import type { PublicKey, Signer } from "./key.ts";
import type { Policy } from "./policy.ts";
import { EXITS } from "./refusal.ts";
import type { State } from "./state.ts";
import type { Verdict, VerifyOptions } from "./verify.ts";

export type { NewKey, NewKeyOptions } from "./new_key.ts";
export type { Scheme } from "./crypto.ts";
export type { SignOptions } from "./hook.ts";
export type { Judged, Warning } from "./judge.ts";
export type { PublicKey, Signer } from "./key.ts";
export type { Action, Form, Policy, Rule, TrustedKey } from "./policy.ts";
export type { Reason } from "./refusal.ts";
export type { Seen, State } from "./state.ts";
export type { Binding, Target } from "./statement.ts";
export type { Verdict, VerifyOptions } from "./verify.ts";

/** The hook that signs names as they are set, and refuses to read those that a policy does not accept. */
export async function signHook(options: SignOptions = {}): Promise<Hook> {
  return (await import("./hook.ts")).signHook(options);
}

/** Makes a key pair, as PEM: the private half encrypted as cosign does it, if there is a passphrase. */
export async function newSigningKey(options: NewKeyOptions = {}): Promise<NewKey> {
  return (await import("./new_key.ts")).newKey(options);
}

/**
 * What signs with a private key in PEM: cosign.key, PKCS#8, or SEC1.
 *
 * @throws {OciError} `invalid`, also for a wrong passphrase; `unsupported`.
 */
export async function readSigner(pem: string, passphrase?: string): Promise<Signer> {
  const { readPrivateKey } = await import("./private_key.ts");
  const { signerOf } = await import("./key.ts");
  return signerOf(await readPrivateKey(pem, () => passphrase));
}

/** A public key in PEM; throws `invalid`, `unsupported`. */
export async function readVerifier(pem: string): Promise<PublicKey> {
  return (await import("./key.ts")).readPublicKey(pem);
}

/** Reads a policy, JSON; throws `invalid` with the reason `policy_invalid`. */
export async function readPolicy(text: string): Promise<Policy> {
  return (await import("./policy.ts")).parsePolicy(text);
}

/** The policy that trusts these keys with every name. */
export async function trustKeys(
  keys: readonly PublicKey[],
  options: { readonly threshold?: number; readonly scope?: string } = {},
): Promise<Policy> {
  return (await import("./policy.ts")).policyOfKeys(keys, options);
}

/** What a verifier remembers, in a file outside of all layouts. */
export async function signState(path: string): Promise<State> {
  return (await import("./state_file.ts")).stateFile(path);
}

/** Verifies a name of a layout; a refusal is a verdict, `not_found` is thrown. */
export async function verifyName(
  layout: Layout,
  name: string,
  options: Omit<VerifyOptions, "now"> & { readonly now?: number },
): Promise<Verdict> {
  const { findNamed } = await import("./find.ts");
  const { verify } = await import("./verify.ts");
  const found = await findNamed(layout, { name }, options);
  if ("verdict" in found) return found.verdict;
  const now = options.now ?? layout.store.clock.now();
  return await verify(found.reading, found.entry, name, { ...options, now });
}

/** The flags of commands that set names. */
const sets = {
  "sign-key": { type: "text", placeholder: "FILE", help: "sign the names with this private key" },
  "scope": { type: "text", placeholder: "S", help: "where the signed names mean something" },
  "expires": { type: "text", placeholder: "WHEN", help: "until when: 90d, or a time" },
  "passphrase-file": {
    type: "text",
    placeholder: "FILE",
    help: "the passphrase of the key; else STOWAGE_PASSWORD, COSIGN_PASSWORD, or the terminal",
  },
} as const satisfies FlagTable;

/** The flags of commands that read by name. */
const reads = {
  "policy": { type: "text", placeholder: "FILE", help: "read only names that it accepts" },
  "state": {
    type: "text",
    placeholder: "FILE",
    help: "with --policy: what was seen before, against rollback",
  },
} as const satisfies FlagTable;

/** Flags that would do nothing without one of those behind them. */
const NEEDS = [
  ["scope", "sign-key"],
  ["expires", "sign-key"],
  ["passphrase-file", "sign-key"],
  ["state", "policy", "sign-key"],
] as const;

type Body = { readonly default: CommandBody };

const command = (name: string, summary: string, load: () => Promise<Body>): Command =>
  defineCommand({ name, summary, load: async () => (await load()).default });

/** Brings the hook `sign`, its flags, and the commands `key`, `sign`, `verify` and `export`. */
export const signPlugin: Plugin = {
  name: "sign",
  hookFlags: { sets, reads },
  exits: EXITS,
  hooks: {
    sign: async (settings, terminal) => {
      const { signHook } = await import("./hook.ts");
      const isGiven = (name: string) => ![undefined, false, ""].includes(settings[name] as never);
      for (const [name, ...needed] of NEEDS) {
        if (!isGiven(name) || needed.some(isGiven)) continue;
        throw usageError(`Cannot take "--${name}" without "--${needed[0]}"`);
      }
      if (!["sign-key", "policy", "repair", "key"].some(isGiven)) return signHook();
      return signHook(await (await import("./settings.ts")).readSettings(settings, terminal));
    },
  },
  commands: [
    command("key", "makes and shows keys that sign", () => import("./key_command.ts")),
    command("sign", "signs names", () => import("./sign_command.ts")),
    command("verify", "checks the signatures of names", () => import("./verify_command.ts")),
    command("export", "writes a signed image for cosign", () => import("./export_command.ts")),
  ],
};
