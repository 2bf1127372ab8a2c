// Layouts that are signed, and what an attacker can do to them.
import type { Descriptor, Hook, ImageIndex, Layout } from "../../../core/mod.ts";
import type { KeyObject } from "../../../plugins/sign/crypto.ts";
import { signHook, type SignOptions } from "../../../plugins/sign/hook.ts";
import { type PublicKey, publicKey, type Signer, signerOf } from "../../../plugins/sign/key.ts";
import { type Policy, policyOfKeys } from "../../../plugins/sign/policy.ts";
import { newPrivateKey } from "../../../plugins/sign/private_key.ts";
import { openState, type State } from "../../../plugins/sign/state.ts";
import { type Verdict, verify } from "../../../plugins/sign/verify.ts";
import { findNamed } from "../../../plugins/sign/find.ts";
import type { Place } from "../../layouts.ts";

/** A key pair. */
export interface Pair {
  readonly key: KeyObject;
  readonly signer: Signer;
  readonly own: PublicKey;
}

export function pair(scheme: "ed25519" | "ecdsa-p256-sha256" = "ed25519"): Pair {
  const key = newPrivateKey(scheme);
  const signer = signerOf(key);
  return { key, signer, own: publicKey(signer.spki) };
}

export const SCOPE = "registry.example/team/app";
export const NOW = Date.UTC(2026, 10, 22);
export const DAY = 86_400_000;

/** The hook that signs with a key; time stands still unless told otherwise. */
export function signing({ signer }: Pair, more: SignOptions = {}): Hook {
  return signHook({ signer, scope: SCOPE, now: () => NOW, ...more });
}

/** The policy that trusts these pairs with every name. */
export function trusting(pairs: readonly Pair[], more: Partial<Policy> = {}): Policy {
  return { ...policyOfKeys(pairs.map(({ own }) => own), { scope: SCOPE }), ...more };
}

/** A state in memory. */
export function memoryState(): State & { text(): string | undefined; put(text: string): void } {
  let doc: { text: string; version: string } | undefined;
  let versions = 0;
  const state = openState({
    load: () => Promise.resolve(doc),
    swap: (_, text) => {
      doc = text === undefined ? undefined : { text, version: String(++versions) };
      return Promise.resolve(doc);
    },
  });
  return {
    ...state,
    text: () => doc?.text,
    put: (text) => void (doc = { text, version: String(++versions) }),
  };
}

/** What a verifier says of a name. */
export async function verdictOf(
  place: Place,
  name: string,
  policy: Policy,
  more: { readonly state?: State; readonly now?: number } = {},
): Promise<Verdict> {
  const layout = await place.open({ mode: "read" });
  const found = await findNamed(layout, { name }, { policy, state: more.state });
  if ("verdict" in found) return found.verdict;
  return await verify(found.reading, found.entry, name, { policy, now: NOW, ...more });
}

/** The reason of a refusal, or `ok`. */
export async function reasonOf(...args: Parameters<typeof verdictOf>): Promise<string> {
  const { ok, reason } = await verdictOf(...args);
  return ok ? "ok" : reason ?? "no reason";
}

/** Edits the entries of an index as an attacker does, who can write every file. */
export async function attack(
  place: Place,
  edit: (entries: Descriptor[]) => readonly Descriptor[],
): Promise<void> {
  const index: ImageIndex = JSON.parse(await place.read("index.json") ?? "{}");
  await place.write(
    "index.json",
    JSON.stringify({ ...index, manifests: edit([...index.manifests]) }),
  );
}

/** An entry with other annotations; undefined removes one. */
export function annotatedWith(
  entry: Descriptor,
  changes: Record<string, string | undefined>,
): Descriptor {
  const all = Object.entries({ ...entry.annotations, ...changes });
  return {
    ...entry,
    annotations: Object.fromEntries(all.filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >,
  };
}

export const nameIn = (entry: Descriptor): string | undefined =>
  entry.annotations?.["org.opencontainers.image.ref.name"];

/** The entry without any binding. */
export function stripped(entry: Descriptor): Descriptor {
  const bound = Object.keys(entry.annotations ?? {}).filter((key) =>
    key.startsWith("dev.stowage.binding")
  );
  return annotatedWith(entry, Object.fromEntries(bound.map((key) => [key, undefined])));
}

/** Takes a signature off for good: from the entry and from the listings. */
export const unsigned = (entries: readonly Descriptor[]): Descriptor[] =>
  entries.filter((one) => nameIn(one) !== undefined).map(stripped);

/** What is listed without a name. */
export async function listings(layout: Layout): Promise<readonly Descriptor[]> {
  return (await layout.index()).manifests.filter((one) => nameIn(one) === undefined);
}
