import { OciError, type Terminal } from "../../core/mod.ts";
import { readFileText } from "./files.ts";
import type { Passphrase } from "./private_key.ts";

/** Where a passphrase comes from. */
export type Asked = Pick<Terminal, "env" | "secret">;

const MOST = 64 << 10;

/** The passphrase that a file or the environment holds; one that is empty is one. */
function given({ env }: Asked, file: string | undefined): string | undefined {
  if (file !== undefined) return readFileText(file, "the passphrase", MOST).replace(/\r?\n$/, "");
  return env("STOWAGE_PASSWORD") ?? env("COSIGN_PASSWORD");
}

/** Brings the passphrase of a key: of a file, the environment, or who sits at the terminal. */
export function passphraseFrom(asked: Asked, file: string | undefined): Passphrase {
  return async () => given(asked, file) ?? await asked.secret?.("Passphrase of the key: ");
}

/** The passphrase of a new key, typed twice; throws `invalid` where nobody can be asked. */
export async function newPassphrase(asked: Asked, file: string | undefined): Promise<string> {
  const known = given(asked, file);
  if (known !== undefined) return known;
  if (!asked.secret) {
    throw new OciError(
      "invalid",
      "Cannot make a key without a passphrase: set STOWAGE_PASSWORD, give --passphrase-file, or take --unencrypted",
    );
  }
  const first = await asked.secret("Passphrase of the new key: ");
  if (await asked.secret("The same again: ") === first) return first;
  throw new OciError("invalid", "Cannot make the key: the passphrases differ");
}
