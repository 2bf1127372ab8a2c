import {
  type CommandContext,
  type Descriptor,
  isOciError,
  type Layout,
  type Place,
  type Reference,
  type ResolveOptions,
  usageError,
} from "../../core/mod.ts";
import { closest } from "./suggest.ts";

/** What a reference names within its place, as the library takes it; undefined for a place alone. */
export function nameIn({ name, digest }: Reference): string | undefined {
  if (name === undefined || digest === undefined) return name ?? digest;
  return `${name}@${digest}`;
}

/** Reads a reference that must name something. */
export function referenceTo(context: Pick<CommandContext, "reference">, text: string): Reference {
  const reference = context.reference(text);
  if (nameIn(reference) !== undefined) return reference;
  throw usageError(
    `Cannot take ${JSON.stringify(text)}: a name or digest is missing after the place`,
  );
}

/** Reads references that name something in one place, so that all of them can be edited in one step. */
export function referencesTo(
  { reference, print }: Pick<CommandContext, "reference" | "print">,
  texts: readonly string[],
): { place: Place; references: readonly Reference[] } {
  const references = texts.map((text) => referenceTo({ reference }, text));
  const [first, ...others] = new Set(references.map(({ place }) => print({ place })));
  const [one] = references;
  if (one && others.length === 0) return { place: one.place, references };
  throw usageError(`Cannot edit ${[first, ...others].join(" and ")} in one step: name one place`);
}

/**
 * What a reference stands for: with a place alone the only entry there.
 *
 * @throws {OciError} `not_found`, with names that are alike as a way out, and as `Layout.resolve` and `single` do.
 */
export async function find(
  context: Pick<CommandContext, "hint" | "print">,
  layout: Layout,
  reference: Reference,
  options: ResolveOptions = {},
): Promise<Descriptor> {
  const name = nameIn(reference);
  try {
    if (name !== undefined) return await layout.resolve(name, options);
    const only = await layout.single();
    return options.platform === undefined ? only : await layout.resolve(only.digest, options);
  } catch (error) {
    if (isOciError(error, "not_found")) await hintAt(context, layout, reference);
    throw error;
  }
}

/** Shows ways out to who has named what is not there. */
export async function hintAt(
  { hint, print }: Pick<CommandContext, "hint" | "print">,
  layout: Layout,
  { place, name = "" }: Reference,
): Promise<void> {
  const names = (await layout.references()).map((row) => row.name);
  for (const other of closest(name, names).slice(0, 1)) hint(`did you mean "${other}"?`);
  hint(`stowage list ${print({ place })}`);
}
