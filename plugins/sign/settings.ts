import { statSync } from "node:fs";
import { isOciError, messageOf, systemClock, type Terminal, usageError } from "../../core/mod.ts";
import { naming, readFileText } from "./files.ts";
import type { SignOptions } from "./hook.ts";
import { type PublicKey, readPublicKey, type Signer, signerOf } from "./key.ts";
import { passphraseFrom } from "./passphrase.ts";
import { MOST_PEM } from "./pem.ts";
import { parsePolicy, type Policy } from "./policy.ts";
import { readPrivateKey } from "./private_key.ts";
import type { State } from "./state.ts";
import { isScope } from "./statement.ts";
import { endOf } from "./when.ts";

type Settings = Readonly<Record<string, unknown>>;

/** The options of the hook that flags of the command line stand for. */
export async function readSettings(settings: Settings, terminal: Terminal): Promise<SignOptions> {
  const text = (name: string) => settings[name] as string | undefined;
  const key = text("sign-key");
  const policy = text("policy");
  const state = text("state");
  const known = policy === undefined ? undefined : await loadPolicy(policy);
  if (key !== undefined) checkSigning(text("scope") ?? known?.scope, text("expires"));
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
    policy: known,
    state: state === undefined ? undefined : await loadState(state),
  };
}

/** Finds fault with what is to be signed before anything is done. */
function checkSigning(scope: string | undefined, expires: string | undefined): void {
  if (scope === undefined) {
    throw usageError('Cannot sign: say with "--scope" where the names mean something');
  }
  if (!isScope(scope)) throw usageError("Cannot sign: a scope has 1 to 512 bytes");
  if (expires === undefined) return;
  const now = systemClock.now();
  let end: number;
  try {
    end = endOf(expires, now);
  } catch (error) {
    throw usageError(messageOf(error).replace("read", "read --expires"));
  }
  if (end > now) return;
  throw usageError(`Cannot sign: --expires ${JSON.stringify(expires)} is over already`);
}

/** What signs with the private key of a file. */
export async function loadSigner(
  path: string,
  terminal: Pick<Terminal, "env" | "secret">,
  passphraseFile: string | undefined,
): Promise<Signer> {
  const pem = readFileText(path, "the key", MOST_PEM);
  const asked = passphraseFrom(terminal, passphraseFile);
  return signerOf(await naming("the key", path, () => readPrivateKey(pem, asked)));
}

/** The public keys of files. */
export function loadKeys(paths: readonly string[]): PublicKey[] {
  return paths.map((path) => {
    const pem = readFileText(path, "the key", MOST_PEM);
    return readPublicKey(pem, `the key ${JSON.stringify(path)}`);
  });
}

/** The policy of a file. */
export async function loadPolicy(path: string): Promise<Policy> {
  const text = readFileText(path, "the policy", 2 << 20);
  return await naming("the policy", path, () => parsePolicy(text));
}

/** The state that a file keeps; the file need not be there yet. */
export async function loadState(path: string): Promise<State> {
  const { stateFile } = await import("./state_file.ts");
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats && !stats.isFile()) {
    const what = stats.isDirectory() ? "a folder" : "no regular file";
    throw usageError(`Cannot use the state ${JSON.stringify(path)}: it is ${what}`);
  }
  try {
    return stateFile(path);
  } catch (error) {
    if (isOciError(error)) throw error;
    throw usageError(`Cannot use the state ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}
