// The little of DER that is judged here rather than by a runtime: they differ in what they let pass.
import { hex } from "./bytes.ts";

const EC_SPKI = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
const ED_SPKI = "302a300506032b6570032100";
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** Points of Ed25519 that anybody's signature fits, and other spellings of them; the sign bit left out. */
const SMALL_ORDER = [
  `00${"00".repeat(31)}`,
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

/** The scheme of a public key in DER; a sentence on what is wrong with any other. */
export function judgeSpki(
  spki: Uint8Array,
): { scheme: "ecdsa-p256-sha256" | "ed25519" } | { unsupported: string } {
  const digits = hex(spki);
  if (digits.startsWith(EC_SPKI) && spki.length === 91) {
    const [x, y] = [digits.slice(54, 118), digits.slice(118)].map((half) => BigInt(`0x${half}`));
    if (x !== undefined && y !== undefined && isOnCurve(x, y)) {
      return { scheme: "ecdsa-p256-sha256" };
    }
    return { unsupported: "its point is not on the curve P-256" };
  }
  if (digits.startsWith(ED_SPKI) && spki.length === 44) {
    const point = spki.slice(12);
    point[31] = (point[31] ?? 0) & 0x7f;
    if (!SMALL_ORDER.includes(hex(point))) return { scheme: "ed25519" };
    return { unsupported: "its point is of small order" };
  }
  return { unsupported: `${kindOfKey(digits)}; only P-256 and Ed25519 are` };
}

function isOnCurve(x: bigint, y: bigint): boolean {
  return x < P && y < P && (y * y - (x * x * x - 3n * x + B)) % P === 0n;
}

/** What a key in DER is, by the names of algorithms in it. */
export function kindOfKey(digits: string): string {
  const names: readonly (readonly [string, string])[] = [
    ["2a864886f70d0101", "RSA keys are not supported"],
    ["2b81040022", "P-384 keys are not supported"],
    ["2b81040023", "P-521 keys are not supported"],
    ["2b8104000a", "secp256k1 keys are not supported"],
    ["2a8648ce3d030107", "compressed P-256 points are not supported"],
    ["2b6571", "Ed448 keys are not supported"],
    ["2b656e", "X25519 keys are not supported"],
  ];
  return names.find(([oid]) => digits.slice(0, 80).includes(oid))?.[1] ??
    "keys of this kind are not supported";
}

/** Whether a private key in DER is encrypted with a key from scrypt, which not every runtime reads. */
export function usesScrypt(der: Uint8Array): boolean {
  return hex(der.slice(0, 80)).includes("2b06010401da47040b");
}

/** The version of PKCS#8 in DER: 0, or 1 for RFC 5958; undefined for anything else. */
export function pkcs8Version(der: Uint8Array): number | undefined {
  const at = (der[1] ?? 0) < 0x80 ? 2 : 2 + ((der[1] ?? 0) & 0x7f);
  const isPkcs8 = der[0] === 0x30 && der[at] === 2 && der[at + 1] === 1 && der[at + 3] === 0x30;
  return isPkcs8 ? der[at + 2] : undefined;
}

/** Whether bytes are an ECDSA signature of P-256 in DER: minimal, nothing behind, 0 < r, s < n. */
export function isEcdsaDer(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x30 || bytes[1] !== bytes.length - 2 || bytes.length > 72) return false;
  const r = integer(bytes, 2);
  const s = r && integer(bytes, r.end);
  return s !== undefined && s.end === bytes.length && r !== undefined && inRange(r.value) &&
    inRange(s.value);
}

function inRange(value: bigint): boolean {
  return value > 0n && value < N;
}

function integer(bytes: Uint8Array, at: number): { value: bigint; end: number } | undefined {
  const length = bytes[at + 1] ?? 0;
  const end = at + 2 + length;
  const [first = 0, second = 0] = [bytes[at + 2], bytes[at + 3]];
  if (bytes[at] !== 2 || length < 1 || length > 33 || end > bytes.length || first >= 0x80) {
    return undefined;
  }
  if (first === 0 && length > 1 && second < 0x80) return undefined;
  return { value: BigInt(`0x${hex(bytes.slice(at + 2, end))}`), end };
}
