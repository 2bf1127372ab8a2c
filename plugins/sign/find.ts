import {
  type Descriptor,
  type Digest,
  hookContext,
  isUsable,
  type Layout,
  nameOf,
  OciError,
  type Reference,
} from "../../core/mod.ts";
import { exactly } from "./exact.ts";
import { placeOf } from "./policy.ts";
import { type Reason, refusal } from "./refusal.ts";
import type { Reading } from "./stored.ts";
import type { Verdict, VerifyOptions } from "./verify.ts";

/** What is to be verified, or what is said of it already. */
export type Found =
  | { readonly reading: Reading; readonly entry: Descriptor; readonly name: string | undefined }
  | { readonly verdict: Verdict };

type Options = Pick<VerifyOptions, "policy" | "state">;

/** Looks a layout's index up once. */
async function look({ store }: Layout) {
  return hookContext(store, await store.root.load(), "sign");
}

/** The entry of a reference, by its exact name; throws `not_found` unless it was seen before. */
export async function findNamed(
  layout: Layout,
  { name, digest }: Pick<Reference, "name" | "digest">,
  { policy, state }: Options,
): Promise<Found> {
  const reading = await look(layout);
  if (name === undefined) {
    const entry = await layout.resolve(digest ?? "");
    return { reading, entry, name: undefined };
  }
  const [entry] = exactly(reading.index, name);
  if (entry === undefined) {
    const seen = (await state?.load(placeOf(policy, reading)))?.get(name);
    if (seen) return removed(name, seen.target);
    throw new OciError("not_found", `Cannot verify ${JSON.stringify(name)}: no such reference`, {
      url: layout.url.href,
      ref: name,
    });
  }
  if (!isUsable(entry)) {
    throw refusal("malformed", `The entry ${JSON.stringify(name)} is no descriptor`);
  }
  if (digest === undefined || digest === entry.digest) return { reading, entry, name };
  return failed(name, entry, "wrong_target", `It stands for ${entry.digest}`);
}

/** Every name of a place, and those that were seen and are gone. */
export async function findAll(layout: Layout, { policy, state }: Options): Promise<Found[]> {
  const reading = await look(layout);
  const listed = await layout.references({ digestTags: false });
  const names = new Set(listed.map(({ name }) => name));
  const entries = new Map(reading.index.manifests.map((one) => [nameOf(one), one]));
  const rows: Found[] = [...names].flatMap((name) => {
    const entry = entries.get(name);
    return entry ? [{ reading, entry, name }] : [];
  });
  for (const [name, seen] of await state?.load(placeOf(policy, reading)) ?? []) {
    if (!names.has(name)) rows.push(removed(name, seen.target));
  }
  return rows;
}

function removed(name: string, digest: Digest): Found {
  const entry = { mediaType: "", digest, size: 0 };
  return failed(name, entry, "removed", "It was there when it was seen last");
}

function failed(name: string, entry: Descriptor, reason: Reason, message: string): Found {
  const nothing = { keys: [], warnings: [], candidates: [] };
  return { verdict: { name, entry, ok: false, reason, message, ...nothing } };
}
