import { rmSync } from "node:fs";
import { defineBody, usageError } from "../../core/mod.ts";
import type { KeyObject, Scheme } from "./crypto.ts";
import { naming, readFileText, writeNewFile } from "./files.ts";
import { printPublicKey, type PublicKey, publicKey, readPublicKey, signerOf } from "./key.ts";
import { newPassphrase, passphraseFrom } from "./passphrase.ts";
import { MOST_PEM } from "./pem.ts";
import { newPrivateKey, printPrivateKey, readPrivateKey } from "./private_key.ts";

const SCHEMES: Readonly<Record<string, Scheme>> = { p256: "ecdsa-p256-sha256", ed25519: "ed25519" };

/** `stowage key`. */
export default defineBody({
  usage: "generate | show FILE",
  details: "`generate` writes PREFIX.key, encrypted and readable by cosign, and PREFIX.pub. With " +
    "--from it writes a key that is there anew, under another passphrase. `show` tells of a key, " +
    "never its private half.",
  flags: {
    "type": { type: "text", values: ["p256", "ed25519"], help: "how it signs", default: "p256" },
    "out": { type: "text", placeholder: "PREFIX", help: "where it is written", default: "stowage" },
    "from": { type: "text", placeholder: "FILE", help: "write this private key anew" },
    "compat": { type: "switch", help: "for cosign before 2.2, and podman before 5.6" },
    "unencrypted": { type: "switch", help: "as plain PKCS#8, without a passphrase" },
    "force": { type: "switch", help: "replace files that are there" },
    "format": {
      type: "text",
      values: ["text", "json", "pem", "policy"],
      help: "how the result is written; policy: a member of its keys",
      default: "text",
      env: "STOWAGE_FORMAT",
    },
    "passphrase-file": {
      type: "text",
      placeholder: "FILE",
      help: "the passphrase; else STOWAGE_PASSWORD, COSIGN_PASSWORD, or the terminal",
    },
    "from-passphrase-file": {
      type: "text",
      placeholder: "FILE",
      help: "with --from: the passphrase it has now",
    },
  },
  examples: [
    "stowage key generate --out k",
    "stowage key generate --from cosign.key --out k --unencrypted",
    "stowage key show k.pub",
  ],
  words: ["generate", "show"],
  positionals: [1, 2],
  bare: true,
  async run(context) {
    const { flags, positionals: [word, file, ...more], terminal, result } = context;
    if (word === "generate" && file === undefined) {
      const { out, force, compat, unencrypted } = flags;
      const key = await keyOf();
      const passphrase = unencrypted
        ? undefined
        : await newPassphrase(terminal, flags["passphrase-file"]);
      const own = publicKey(signerOf(key).spki);
      const pem = printPrivateKey(key, { passphrase, compat });
      // The private half first: its file says that the name is free.
      writeNewFile(`${out}.key`, pem, { mode: 0o600, force });
      try {
        writeNewFile(`${out}.pub`, printPublicKey(own), { mode: 0o644, force });
      } catch (error) {
        if (!force) rmSync(`${out}.key`);
        throw error;
      }
      await result({
        schema: "stowage.key/1",
        data: { path: `${out}.key`, ...describe(own) },
        lines: [`${out}.key`, `${out}.pub`, own.id],
      });
      return;
    }
    if (word !== "show" || file === undefined || more.length > 0) {
      throw usageError('Cannot run it: write "key generate" or "key show FILE"');
    }
    const own = await shown(file);
    const entry = { [own.id]: { scheme: own.scheme, pem: printPublicKey(own) } };
    const text = [`${own.id}  ${own.scheme}`];
    const lines = {
      text,
      json: text,
      pem: printPublicKey(own).trimEnd().split("\n"),
      policy: [JSON.stringify(entry)],
    };
    await result({
      schema: "stowage.key/1",
      data: describe(own),
      lines: lines[flags.format],
    });

    async function keyOf(): Promise<KeyObject> {
      const { from } = flags;
      if (from === undefined) return newPrivateKey(SCHEMES[flags.type] ?? "ecdsa-p256-sha256");
      const asked = passphraseFrom(
        terminal,
        flags["from-passphrase-file"] ?? flags["passphrase-file"],
      );
      const pem = readFileText(from, "the key", MOST_PEM);
      return await naming("the key", from, () => readPrivateKey(pem, asked));
    }

    async function shown(path: string): Promise<PublicKey> {
      const pem = readFileText(path, "the key", MOST_PEM);
      if (/-----BEGIN PUBLIC KEY-----/.test(pem)) return readPublicKey(pem);
      const asked = passphraseFrom(terminal, flags["passphrase-file"]);
      const key = await naming("the key", path, () => readPrivateKey(pem, asked));
      return publicKey(signerOf(key).spki);
    }
  },
});

function describe(key: PublicKey) {
  return { keyId: key.id, scheme: key.scheme, public: printPublicKey(key) };
}
