import { messageOf, type Terminal, usageError } from "../../core/mod.ts";
import { isOciError } from "../../core/mod.ts";
import { readFileText } from "./files.ts";
import type { SignOptions } from "./hook.ts";
import { type PublicKey, readPublicKey, type Signer, signerOf } from "./key.ts";
import { passphraseFrom } from "./passphrase.ts";
import { MOST_PEM } from "./pem.ts";
import { parsePolicy, type Policy } from "./policy.ts";
import { readPrivateKey } from "./private_key.ts";
import type { State } from "./state.ts";

type Settings = Readonly<Record<string, unknown>>;

/** The options of the hook that flags of the command line stand for. */
export async function readSettings(settings: Settings, terminal: Terminal): Promise<SignOptions> {
  const text = (name: string) => settings[name] as string | undefined;
  const key = text("sign-key");
  const policy = text("policy");
  const state = text("state");
  return {
    signer: key === undefined
      ? undefined
      : await loadSigner(key, terminal, text("passphrase-file")),
    scope: text("scope"),
    expires: text("expires"),
    renew: settings["renew"] === true,
    keys: loadKeys((settings["key"] ?? []) as readonly string[]),
    legacy: settings["legacy"] === true,
    publishAs: text("publish-as"),
    referrersTag: settings["referrers-tag"] === true,
    repair: settings["repair"] === true,
    policy: policy === undefined ? undefined : loadPolicy(policy),
    state: state === undefined ? undefined : await loadState(state),
  };
}

/** What signs with the private key of a file. */
export async function loadSigner(
  path: string,
  terminal: Pick<Terminal, "env" | "secret">,
  passphraseFile: string | undefined,
): Promise<Signer> {
  const pem = readFileText(path, "the key", MOST_PEM);
  return signerOf(await readPrivateKey(pem, passphraseFrom(terminal, passphraseFile)));
}

/** The public keys of files. */
export function loadKeys(paths: readonly string[]): PublicKey[] {
  return paths.map((path) => {
    const pem = readFileText(path, "the key", MOST_PEM);
    return readPublicKey(pem, `the key ${JSON.stringify(path)}`);
  });
}

/** The policy of a file. */
export function loadPolicy(path: string): Policy {
  return parsePolicy(readFileText(path, "the policy", 2 << 20));
}

/** The state that a file keeps; the file need not be there yet. */
export async function loadState(path: string): Promise<State> {
  const { stateFile } = await import("./state_file.ts");
  try {
    return stateFile(path);
  } catch (error) {
    if (isOciError(error)) throw error;
    throw usageError(`Cannot use the state ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}
