import type { Addition } from "./append.ts";
import type { Change } from "./archive.ts";
import { bytesOf } from "./body.ts";
import { OWN } from "./names.ts";
import { documentText } from "./text.ts";

/** What the documents of a layout say in an archive that is written anew. */
export function ownDocs({ view, file }: Change): Map<string, string> {
  const texts = new Map<string, string>();
  for (const name of OWN) {
    const member = view.contents.docs.get(name)?.at(-1);
    if (member) texts.set(name, documentText(file, member, name));
  }
  return texts;
}

/** All other files of an archive but `except`, in order, to be taken along as they are. */
export function foreignOf({ view, file }: Change, except?: string): Addition[] {
  const { docs, others } = view.contents;
  const last = [...docs].flatMap(([name, members]) => {
    const member = OWN.includes(name) || name === except ? undefined : members.at(-1);
    return member ? [{ ...member, name }] : [];
  });
  return [...others.values(), ...last].sort((a, b) => a.name < b.name ? -1 : 1)
    .map((member) => ({
      name: member.name,
      size: member.size,
      bytes: () => bytesOf(file, member),
    }));
}
