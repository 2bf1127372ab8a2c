// The checks of one signature, in order. How far it comes decides which of several failures is told.
import {
  type Descriptor,
  type Digest,
  digestOf,
  IMAGE_NAME,
  isOciError,
  messageOf,
  REF_NAME,
  splitDigest,
} from "../../core/mod.ts";
import { fromBase64 } from "./bytes.ts";
import { preAuthEncoding, readBundle } from "./envelope.ts";
import { readLegacy } from "./legacy.ts";
import type { Form, Policy, Rule, TrustedKey } from "./policy.ts";
import { malformed, type Reason, refusal } from "./refusal.ts";
import {
  type Binding,
  bindingOf,
  COSIGN_TYPE,
  PREDICATE_TYPE,
  readStatement,
  refOf,
  type Statement,
  STATEMENT_TYPE,
} from "./statement.ts";
import { checkTarget } from "./target.ts";
import { readTime } from "./time.ts";

/** A signature before it is judged. */
export interface Candidate {
  /** Where it was found. */
  readonly source: string;
  /** A bundle, or the payload of a legacy signature. */
  readonly bytes: Uint8Array;
  /** What the layer of a legacy signature says it is. */
  readonly legacy?: { readonly signature: string | undefined };
  /** Why it is not even read. */
  readonly broken?: string;
}

/** Something odd that does not refuse by itself. */
export interface Warning {
  /** A word for it. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
}

/** What was found of a candidate. */
export interface Judged {
  /** Where it was found. */
  readonly source: string;
  /** The check that failed, or the last one of all. */
  readonly step: number;
  /** The check that failed. */
  readonly reason?: Reason;
  /** The same in a sentence. */
  readonly message?: string;
  /** The key that signed it. */
  readonly keyId?: string;
  /** What it is. */
  readonly form?: Form;
  /** What it says. */
  readonly binding?: Binding;
  /** Its sequence, if it has one. */
  readonly sequence?: number;
  /** The digest of what was signed. */
  readonly statement?: Digest;
  /** What is odd, but does not refuse. */
  readonly warnings: readonly Warning[];
}

/** What a candidate is judged by. */
export interface Case {
  readonly entry: Descriptor;
  /** The name that was asked for; nothing for an entry read by its digest. */
  readonly name: string | undefined;
  readonly policy: Policy;
  readonly rule: Rule;
  /** Milliseconds since 1970. */
  readonly now: number;
}

type Progress = { -readonly [K in keyof Judged]: Judged[K] } & { warnings: Warning[] };

/** The last of the checks of one signature. */
const LAST = 13;

/** Judges one signature. */
export function judge(candidate: Candidate, about: Case): Judged {
  const at: Progress = { source: candidate.source, step: 5, warnings: [] };
  try {
    if (candidate.broken !== undefined) throw malformed(candidate.broken);
    if (candidate.legacy) judgeLegacy(candidate.bytes, candidate.legacy.signature, about, at);
    else judgeBundle(candidate.bytes, about, at);
    at.step = LAST;
    return at;
  } catch (error) {
    if (!isOciError(error) || error.reason === undefined) throw error;
    return { ...at, reason: error.reason as Reason, message: messageOf(error) };
  }
}

function judgeBundle(bytes: Uint8Array, about: Case, at: Progress): void {
  const { payload, payloadType, signature, hint } = readBundle(bytes);
  at.step = 6;
  const named = about.rule.keys.filter(({ key }) => key.hint === hint);
  const signed = preAuthEncoding(payloadType, payload);
  const trusted = (hint ? named : about.rule.keys).find(({ key }) => key.verify(signed, signature));
  if (!trusted) throw notSigned(named[0], hint);
  at.keyId = trusted.key.id;
  at.statement = digestOf(payload);
  at.step = 7;
  if (payloadType !== STATEMENT_TYPE) throw malformed("its payload is no in-toto statement");
  const statement = readStatement(payload);
  at.step = 8;
  const { forms } = about.rule;
  if (statement.predicateType === COSIGN_TYPE && forms.includes("cosign-bundle")) {
    at.form = "cosign-bundle";
    judgeContent(statement, about, at);
    return;
  }
  if (statement.predicateType === PREDICATE_TYPE && !forms.includes("binding")) {
    throw refusal("wrong_predicate", "It binds a reference, which the policy does not ask for");
  }
  const binding = bindingOf(statement);
  at.form = "binding";
  at.binding = binding;
  at.sequence = binding.sequence;
  judgeBinding(binding, trusted, about, at);
}

function notSigned(named: TrustedKey | undefined, hint: string | undefined) {
  if (named) return refusal("bad_signature", `The signature of key ${named.key.id} is wrong`);
  const by = hint ? ` but by ${JSON.stringify(hint.slice(0, 64))}` : "";
  return refusal("untrusted_key", `It is signed by no trusted key${by}`);
}

function judgeBinding(binding: Binding, trusted: TrustedKey, about: Case, at: Progress): void {
  const { entry, name, policy } = about;
  at.step = 9;
  const { [REF_NAME]: ref, [IMAGE_NAME]: image } = entry.annotations ?? {};
  const isCalled = name === ref ||
    (name === image && binding.target.annotations?.[IMAGE_NAME] === image);
  if (name !== undefined && (binding.ref !== refOf(entry) || !isCalled)) {
    throw refusal("wrong_ref", `It is about ${quoted(binding.ref)}, not ${quoted(name)}`);
  }
  at.step = 10;
  if (policy.scope !== undefined && binding.scope !== policy.scope) {
    throw refusal(
      "wrong_scope",
      `It holds in ${quoted(binding.scope)}, not in ${quoted(policy.scope)}`,
    );
  }
  at.step = 11;
  at.warnings.push(...checkTarget(entry, binding.target, policy.strict));
  at.step = 12;
  const [issued = 0, expires] = [readTime(binding.issued), readTime(binding.expires)];
  checkTime({ issued, expires }, about);
  at.step = 13;
  checkKey(trusted, { issued, sequence: binding.sequence }, about);
}

/** A bundle of cosign says which image it is about, and no more. */
function judgeContent({ subject }: Statement, about: Case, at: Progress): void {
  at.step = 11;
  const { algorithm, hex } = splitDigest(about.entry.digest);
  const isAbout = subject.some(({ digest }) =>
    (digest as Record<string, unknown> | undefined)?.[algorithm] === hex
  );
  if (!isAbout) throw refusal("wrong_target", "It is about another image");
  at.step = 12;
  checkTime({}, about);
}

function judgeLegacy(
  bytes: Uint8Array,
  signature: string | undefined,
  about: Case,
  at: Progress,
): void {
  const raw = signature === undefined ? undefined : fromBase64(signature);
  if (raw === undefined) throw malformed("its layer has no signature in base64");
  at.step = 6;
  const trusted = about.rule.keys.find(({ key }) => key.verify(bytes, raw));
  if (!trusted) throw refusal("bad_signature", "No trusted key has signed this payload");
  at.keyId = trusted.key.id;
  at.statement = digestOf(bytes);
  at.step = 7;
  const payload = readLegacy(bytes);
  at.form = "cosign-legacy";
  if (payload.sequence !== undefined) at.sequence = payload.sequence;
  at.step = 9;
  const ref = refOf(about.entry);
  if (payload.ref !== undefined && about.name !== undefined && payload.ref !== ref) {
    throw refusal("wrong_ref", `It is about ${quoted(payload.ref)}, not ${quoted(ref)}`);
  }
  at.step = 11;
  if (payload.digest !== about.entry.digest) {
    throw refusal("wrong_target", `It is about ${payload.digest}`);
  }
  at.step = 12;
  checkTime({ issued: payload.issued }, about);
  at.step = 13;
  checkKey(trusted, payload, about);
}

interface Times {
  readonly issued?: number | undefined;
  readonly expires?: number | undefined;
}

function checkTime({ issued, expires }: Times, { rule, policy: { skew }, now }: Case): void {
  if (issued !== undefined && issued > now + skew) {
    throw refusal("not_yet_valid", "It was made in the future: a clock is wrong");
  }
  if (expires === undefined && rule.requireExpiry) {
    throw refusal("missing_expiry", "It never expires, and the policy asks that it does");
  }
  if (expires !== undefined && now >= expires) throw refusal("expired", "Its time is over");
  if (issued !== undefined && rule.maxAge !== undefined && now - issued > rule.maxAge) {
    throw refusal("expired", "It is older than the policy allows");
  }
}

function checkKey(
  { key, notBefore = -Infinity, notAfter = Infinity, lastSequence }: TrustedKey,
  { issued, sequence }: { readonly issued?: number | undefined; readonly sequence?: number },
  { entry, now }: Case,
): void {
  const fail = (why: string) => refusal("key_not_valid", `Key ${key.id} ${why}`);
  if (issued !== undefined && issued < notBefore) throw fail("was not valid yet");
  if (now >= notAfter) throw fail("is not valid any more");
  if (lastSequence === undefined) return;
  const ref = refOf(entry);
  const last = (Object.hasOwn(lastSequence, ref) ? lastSequence[ref] : lastSequence["*"]) ?? 0;
  if ((sequence ?? Infinity) > last) throw fail(`may sign up to sequence ${last}`);
}

/** Foreign text, fit for a message. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
