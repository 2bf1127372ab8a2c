import { setImmediate as turn } from "node:timers/promises";
import { digestOf, type Doc, docNames, type Docs, OciError } from "../../core/mod.ts";
import type { View } from "./archive.ts";
import { writeDocument } from "./fold.ts";
import type { Member } from "./members.ts";
import { FACTS } from "./names.ts";
import { noFile } from "./oddities.ts";
import { hideDocument } from "./patch.ts";
import type { TarStore } from "./store.ts";
import { documentText } from "./text.ts";

const names = docNames([]);
const isBeside = (name: string) => name.startsWith(".stowage/");

/** Documents: those of a layout in the archive, those of Stowage beside it. */
export function archiveDocs(store: TarStore, beside: Docs, flush: () => Promise<void>): Docs {
  const { place, archive, copies } = store;
  const read = new WeakMap<Member, Doc>();

  async function docIn(view: View, name: string, limit = Infinity): Promise<Doc | undefined> {
    const action = `Cannot read "${name}"`;
    const member = view.contents.docs.get(name)?.at(-1);
    if (view.contents.strange.has(name)) throw noFile(action);
    if (!member) return undefined;
    if (member.size > limit) {
      throw new OciError("size_exceeded", `${action}: it has more than ${limit} bytes`);
    }
    const known = read.get(member);
    if (known) return known;
    const file = await archive.open(view);
    // Replaced since: what stands there now may say something else.
    if (!file) return await docIn(await archive.look(), name, limit);
    try {
      const text = documentText(file, member, name);
      const sum = digestOf(text).slice(7, 23);
      const doc = { text, version: `${copies.nameOf(view.inode)}.${member.data}.${sum}` };
      read.set(member, doc);
      return doc;
    } finally {
      await file.close();
    }
  }

  const docNow = async (name: string, limit?: number) =>
    await docIn(await archive.look(), name, limit);
  const movedOn = (name: string) =>
    new OciError("conflict", `Cannot swap "${name}": it has moved on`);

  async function swapInside(name: string, text: string | undefined, seen: Doc | undefined) {
    const action = `Cannot swap "${name}"`;
    await place.writing(action);
    if ((await docNow(name))?.version !== seen?.version) throw movedOn(name);
    if (text === undefined && !seen) return undefined;
    await flush();
    return await archive.change(action, async (change) => {
      const { view } = change;
      if ((await docIn(view, name))?.version !== seen?.version) throw movedOn(name);
      if (text !== undefined) {
        await writeDocument(store, change, name, text);
        await place.disk.step("unlock");
        return await docNow(name);
      }
      for (const member of view.contents.docs.get(name) ?? []) {
        await hideDocument(change, member, name);
      }
      view.contents.docs.delete(name);
      await place.disk.syncFile(change.file.fd);
      change.settle(change.view.length);
      return undefined;
    });
  }

  return {
    async load(name, options = {}) {
      // Most of it is done at once; whoever does it in a loop must still let others have a turn.
      await turn();
      if (!isBeside(name)) {
        names.check(name);
        return await docNow(name, options.limit);
      }
      const doc = await beside.load(name, options);
      return doc ?? (name === FACTS ? await docNow(name, options.limit) : undefined);
    },

    async swap(name, text, seen) {
      names.check(name);
      if (!isBeside(name)) return await swapInside(name, text, seen);
      // What the archive itself brought along is replaced by what is noted beside it.
      const inside = name === FACTS && seen && !await beside.load(name) && await docNow(name);
      const isSeen = inside && inside.version === seen.version;
      return await beside.swap(name, text, isSeen ? undefined : seen);
    },

    async *list(prefix) {
      const { contents } = await archive.look();
      for (const name of contents.docs.keys()) {
        if (!isBeside(name) && names.has(name) && name.startsWith(prefix)) yield name;
      }
      yield* beside.list(prefix);
    },
  };
}
