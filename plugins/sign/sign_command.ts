import {
  type CommandContext,
  defineBody,
  type Descriptor,
  hookContext,
  isDigestTag,
  isTag,
  type Layout,
  named,
  nameOf,
  OciError,
  type Place,
  type Reference,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import { peek } from "./bundles.ts";
import { ownBundles } from "./stored.ts";

/** A name that is signed now. */
interface Done {
  readonly place: Place;
  readonly name: string;
  readonly entry: Descriptor;
  readonly scope: string;
  readonly sequence: number;
  readonly issued: string;
  readonly expires: string | null;
  readonly statement: string;
  readonly signatures: number;
}

/** `stowage sign`. */
export default defineBody({
  usage: "PLACE:ref…",
  details: "Binds each name to what it stands for, so that a verifier sees it moved, rolled back " +
    "or copied elsewhere. What holds already is left as it is; a statement of another known key " +
    "is signed along. With --repair and a place alone every name there is mended.",
  flags: {
    "renew": { type: "switch", help: "sign anew although a signature holds" },
    "key": {
      type: "text",
      many: true,
      placeholder: "PUB",
      help: "co-sign statements of this key, too; with --repair: only its signatures count",
    },
    "legacy": { type: "switch", help: "also as older cosign reads it" },
    "publish-as": { type: "text", placeholder: "NAME", help: "with --legacy: for this image name" },
    "referrers-tag": { type: "switch", help: "also list signatures in an index tagged by digest" },
    "repair": { type: "switch", help: "put back what other tools dropped; needs no key" },
    "lock-wait": writeFlags["lock-wait"],
    "durability": writeFlags.durability,
  },
  examples: [
    "stowage sign ./store:v1 --sign-key k.key --scope registry.example/team/app --expires 90d",
    "stowage sign --repair ./store:v1",
  ],
  names: ["sets", "reads"],
  positionals: [1, Infinity],
  async run(context) {
    const { flags, positionals } = context;
    const { "sign-key": key } = flags as { readonly "sign-key"?: string };
    if (flags.repair === (key !== undefined)) {
      throw usageError('Cannot sign: give either "--sign-key" or "--repair"');
    }
    if (flags["publish-as"] !== undefined && !flags.legacy) {
      throw usageError('Cannot take "--publish-as" without "--legacy"');
    }
    const vain = (["renew", "legacy", "referrers-tag"] as const).find((name) => flags[name]);
    if (flags.repair && vain) throw usageError(`Cannot take "--${vain}" with "--repair"`);
    const references = positionals.map((text) => context.reference(text));
    for (const reference of references) assertName(reference, flags.repair);
    const done: Done[] = [];
    for (const of of Map.groupBy(references, ({ place }) => context.print({ place })).values()) {
      done.push(...await signIn(context, of));
    }
    await context.result({
      schema: "stowage.sign/1",
      data: {
        signed: done.map(({ place, entry, ...said }) => ({
          ...said,
          digest: entry.digest,
          place: context.print({ place }),
        })),
      },
      lines: done.map(({ place, name, entry: { digest }, sequence }) => {
        const pinned = context.print({ place, digest, ...(isTag(name) ? { name } : {}) });
        return `${pinned}  ${sequence}`;
      }),
    });
  },
});

function assertName({ name, digest }: Reference, isRepair: boolean): void {
  if (digest !== undefined) throw usageError("Cannot sign a digest: name a reference");
  if (name === undefined && !isRepair) throw usageError("Cannot sign a place: name a reference");
}

/** Signs or repairs names of one place, all in one swap. */
async function signIn(
  context: Omit<CommandContext, "flags">,
  [first, ...others]: readonly Reference[],
): Promise<Done[]> {
  if (!first) return [];
  const { place } = first;
  await using layout = await context.open(place, "write");
  const asked = [first, ...others].map(({ name }) => name);
  const named = asked.filter((name) => name !== undefined);
  const names = asked.length === named.length
    ? named
    : [...new Set((await layout.references({ digestTags: false })).map(({ name }) => name))];
  const entries = await layout.transaction((tx) => names.map((name) => tx.retag(name)));
  const done: Done[] = [];
  for (const { annotations } of entries) {
    const one = await outcome(layout, place, nameOf({ annotations } as Descriptor) ?? "");
    if (one) done.push(one);
  }
  const missing = named.find((name) => done.every((one) => !isCalled(one.entry, name)));
  if (missing === undefined || isDigestTag(missing)) return done;
  throw new OciError(
    "refused",
    `Cannot repair ${JSON.stringify(missing)}: no signature of it is stored`,
    { reason: "unsigned", ref: missing },
  );
}

function isCalled({ annotations = {} }: Descriptor, name: string): boolean {
  return Object.values(annotations).includes(name);
}

/** How a name is signed now; nothing if it is not. */
async function outcome({ store }: Layout, place: Place, name: string): Promise<Done | undefined> {
  const index = await store.root.load();
  const [entry] = named(index, name);
  const bundles = entry ? await ownBundles(hookContext(store, index, "sign"), entry) : [];
  const [bound] = bundles.map(peek).filter((one) => one !== undefined);
  if (!entry || !bound) return undefined;
  const { binding: { scope, sequence, issued, expires }, statement } = bound;
  const signatures = bundles.length;
  return { place, name, entry, scope, sequence, issued, expires, statement, signatures };
}
