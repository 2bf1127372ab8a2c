import { OciError } from "../../core/basics.ts";
import { base64, fromBase64 } from "./bytes.ts";

/** What a PEM block holds. */
export interface Pem {
  readonly label: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const LABELS = [
  "PUBLIC KEY",
  "PRIVATE KEY",
  "ENCRYPTED PRIVATE KEY",
  "EC PRIVATE KEY",
  "ENCRYPTED SIGSTORE PRIVATE KEY",
  "ENCRYPTED COSIGN PRIVATE KEY",
];

/** A key file is no longer than that, in bytes. */
export const MOST_PEM = 64 << 10;

/**
 * The one block of a PEM file; text around it is ignored.
 *
 * @throws {OciError} `invalid` for no block or several, another label, headers, and what is no base64.
 */
export function readPem(text: string, what = "the key"): Pem {
  const fail = (why: string): never => {
    throw new OciError("invalid", `Cannot read ${what}: ${why}`);
  };
  if (text.length > MOST_PEM) fail(`it is longer than ${MOST_PEM} bytes`);
  const blocks = [...text.matchAll(/^-----BEGIN ([^\r\n]*?)-----[ \t]*$/gm)];
  const [begin, second] = blocks;
  if (begin === undefined) return fail("it is no PEM file");
  if (second !== undefined) return fail("it holds more than one PEM block");
  const label = begin[1] ?? "";
  if (!LABELS.includes(label)) {
    return fail(`keys in "${label.slice(0, 60)}" blocks are not understood`);
  }
  const rest = text.slice(begin.index + begin[0].length);
  const end = rest.search(new RegExp(`^-----END ${label}-----[ \\t]*\\r?$`, "m"));
  if (end < 0) return fail(`its PEM block has no end`);
  const body = rest.slice(0, end);
  if (body.includes(":")) return fail("PEM headers are not understood");
  const bytes = fromBase64(body.replace(/[\s]+/g, ""));
  if (bytes === undefined || bytes.length === 0) return fail("its PEM block is no base64");
  return { label, bytes };
}

/** A PEM file of one block, 64 columns wide. */
export function printPem({ label, bytes }: { label: string; bytes: Uint8Array }): string {
  const lines = base64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
