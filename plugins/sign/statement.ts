import {
  complaint,
  type Descriptor,
  type Digest,
  isDigest,
  nameOf,
  REF_NAME,
  sameJson,
  splitDigest,
  z,
} from "../../core/mod.ts";

import { canonicalJson, readStrict } from "./json.ts";
import { malformed, refusal } from "./refusal.ts";
import { readTime } from "./time.ts";

/** The type of the payload of an envelope. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";
/** What a statement of ours claims. */
export const PREDICATE_TYPE = "https://stowage.dev/ref-binding/v1";
/** What cosign claims when it signs an image. */
export const COSIGN_TYPE = "https://sigstore.dev/cosign/sign/v1";
/** The annotation of a subject that tells the sequence, as text. */
export const SEQUENCE = "dev.stowage.sequence";

const IN_TOTO = "https://in-toto.io/Statement/v1";
const MOST_SCOPE = 512;

/** What of an entry is signed. */
export type Target = Pick<Descriptor, "mediaType" | "digest" | "size"> & Partial<Descriptor>;

/** "In scope S, at sequence n, this reference is this descriptor." */
export interface Binding {
  /** The reference name of the entry. */
  readonly ref: string;
  /** Where the name means something. */
  readonly scope: string;
  /** From 1; one more for each statement of the name. */
  readonly sequence: number;
  /** The digest of the statement before. */
  readonly previous: Digest | null;
  /** When it was signed, in whole seconds. */
  readonly issued: string;
  /** Until when it holds. */
  readonly expires: string | null;
  /** What the name stands for. */
  readonly target: Target;
}

const MEMBERS = ["artifactType", "platform", "urls", "data"] as const;
/** Annotations that are said elsewhere, or that other tools write as they like. */
export const UNSIGNED: readonly string[] = [REF_NAME, "org.opencontainers.image.created", "kind"];

/** Whether the value of an annotation is part of what is signed. */
function isCovered(name: string): boolean {
  return !UNSIGNED.includes(name) && !name.startsWith("dev.stowage.");
}

/** What a statement calls the entry: its reference name, else its name. */
export function refOf(entry: Descriptor): string {
  return entry.annotations?.[REF_NAME] || nameOf(entry) || "";
}

/** What of an entry is signed. */
export function projectionOf(entry: Descriptor): Target {
  const { mediaType, digest, size, annotations = {} } = entry;
  const covered = Object.entries(annotations).filter(([name]) => isCovered(name));
  const members = MEMBERS.flatMap((name) =>
    entry[name] === undefined ? [] : [[name, entry[name]] as const]
  );
  return {
    mediaType,
    digest,
    size,
    ...Object.fromEntries(members),
    ...(covered.length === 0 ? {} : { annotations: Object.fromEntries(covered) }),
  };
}

/** The members that may be covered besides the three of every descriptor. */
export const COVERED_MEMBERS: readonly string[] = MEMBERS;

/** The bytes that say it. */
export function printStatement(binding: Binding): Uint8Array<ArrayBuffer> {
  const { ref, sequence, target } = binding;
  const { algorithm, hex } = splitDigest(target.digest);
  return canonicalJson({
    _type: IN_TOTO,
    predicateType: PREDICATE_TYPE,
    predicate: binding,
    subject: [{
      name: ref,
      digest: { [algorithm]: hex },
      annotations: { [SEQUENCE]: String(sequence), [REF_NAME]: ref },
    }],
  });
}

/** A statement of any predicate. */
export interface Statement {
  readonly predicateType: string;
  readonly subject: readonly Readonly<Record<string, unknown>>[];
  readonly predicate: unknown;
}

const statementShape = z.strictObject({
  _type: z.literal(IN_TOTO),
  predicateType: z.string(),
  subject: z.array(z.looseObject({})),
  predicate: z.optional(z.unknown()),
});

/** Reads a statement; throws `malformed`. */
export function readStatement(bytes: Uint8Array): Statement {
  const json = readStrict(bytes, malformed);
  const why = complaint(statementShape, json);
  if (why !== undefined) throw malformed(`its statement: ${why}`);
  return json as Statement;
}

const time = z.string().check(z.refine((text) => readTime(text) !== undefined, "not a time"));
const digest = z.string().check(z.refine(isDigest, "not a digest"));
const targetShape = z.strictObject({
  mediaType: z.string().check(z.minLength(1)),
  digest,
  size: z.number().check(z.refine((n) => Number.isSafeInteger(n) && n >= 0, "not a size")),
  artifactType: z.optional(z.string()),
  platform: z.optional(z.looseObject({})),
  urls: z.optional(z.array(z.string())),
  data: z.optional(z.string()),
  annotations: z.optional(z.record(z.string(), z.string())),
});
const bindingShape = z.strictObject({
  ref: z.string().check(z.minLength(1)),
  scope: z.string().check(z.refine(isScope, "not a scope")),
  sequence: z.number().check(z.refine((n) => Number.isSafeInteger(n) && n >= 1, "not a sequence")),
  previous: z.nullable(digest),
  issued: time,
  expires: z.nullable(time),
  target: targetShape,
});

/** Whether text can be a scope: not empty, 512 bytes at most. */
export function isScope(text: string): boolean {
  return text !== "" && text.isWellFormed() && new TextEncoder().encode(text).length <= MOST_SCOPE;
}

/** The binding that a statement makes; throws `wrong_predicate`, `malformed`. */
export function bindingOf({ predicateType, predicate, subject }: Statement): Binding {
  if (predicateType !== PREDICATE_TYPE) {
    const shown = JSON.stringify(predicateType.slice(0, 100));
    throw refusal("wrong_predicate", `It says something else of the image: ${shown}`);
  }
  const why = complaint(bindingShape, predicate);
  if (why !== undefined) throw malformed(`its predicate: ${why}`);
  const binding = predicate as Binding;
  const { ref, sequence, target, issued, expires } = binding;
  const { algorithm, hex } = splitDigest(target.digest);
  const agreed = [{
    name: ref,
    digest: { [algorithm]: hex },
    annotations: { [SEQUENCE]: String(sequence), [REF_NAME]: ref },
  }];
  if (!sameJson(subject, agreed)) throw malformed("its subject and its predicate differ");
  if (expires !== null && expires <= issued) throw malformed("it expires before it begins");
  return binding;
}
