// Pushes, retags and untags names of its own, beside collectors that take whatever nothing reaches: PLACE WRITER SECONDS
//
// Says `try NAME DIGEST` before each change and `did NAME DIGEST` once it was acknowledged, `-` for no digest; `lost`
// where a name that was acknowledged is not whole, which ends it.
import process from "node:process";
import {
  type Descriptor,
  isOciError,
  type Layout,
  openLayout,
  systemClock,
} from "../../core/mod.ts";
import { createRegistry } from "../../core/mod.ts";
import { builtins } from "../../mod.ts";
import { type Image, POOL, pooledImage } from "./gc_images.ts";

const [place = "", writer = "", seconds = ""] = process.argv.slice(2);
/** Names that are set again and again. */
const NAMES = 3;
/** Times that a collector may take what is pushed before it is named. */
const TRIES = 1_000;

const pick = (below: number) => Math.floor(Math.random() * below);
const held = new Map<string, string>();

/** Changes a name, and says so; what a collector was faster with is no change. */
async function change(name: string, digest: string | undefined, act: () => Promise<unknown>) {
  const line = `${name} ${digest ?? "-"}`;
  console.log(`try ${line}`);
  try {
    await act();
  } catch (error) {
    if (!isOciError(error, "not_found")) throw error;
    return false;
  }
  console.log(`did ${line}`);
  if (digest === undefined) held.delete(name);
  else held.set(name, digest);
  return true;
}

/** Pushes an image and names it, from the start for as long as a collector takes parts of it before. */
async function push(layout: Layout, image: Image, name: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const done = await change(name, image.manifest.descriptor.digest, async () => {
      await Promise.all(
        image.parts.map(({ descriptor, bytes }) => layout.push(descriptor, bytes)),
      );
      await layout.pushManifest(image.manifest.bytes, { ref: name });
    });
    if (done) return;
  }
  throw new Error(`${name} could not be pushed in ${TRIES} tries`);
}

/** Throws unless a name of this writer is as it was acknowledged, with all it needs. */
async function assertWhole(layout: Layout, name: string): Promise<void> {
  const digest = held.get(name);
  const fail = (why: string) => {
    console.log(`lost ${name} ${digest ?? "-"} ${why}`);
    process.exit(3);
  };
  let found: Descriptor | undefined;
  try {
    found = await layout.resolve(name);
  } catch (error) {
    if (!isOciError(error, "not_found")) throw error;
  }
  if (found?.digest !== digest) return fail(`stands for ${found?.digest ?? "nothing"}`);
  if (!found) return;
  if (!await layout.exists(found.digest)) return fail("its manifest is gone");
  const children = await layout.children(found);
  if (children.length === 0) return fail("its manifest has no children");
  for (const child of children) {
    if (!await layout.exists(child.digest)) return fail(`${child.digest} is gone`);
  }
}

async function act(layout: Layout, turn: number): Promise<void> {
  const name = `${writer}-${pick(NAMES)}`;
  const some = [...held.keys()].filter((one) => !one.includes("for-good"))[0];
  const dice = pick(10);
  if (dice < 5) await push(layout, pooledImage(pick(POOL)), name);
  // Few, so that there is something to collect in the end as well.
  else if (dice < 6) await push(layout, pooledImage(pick(4)), `${writer}-for-good-${turn}`);
  else if (dice < 7) {
    // Counts on what may be stored by chance, listed by nobody.
    const { descriptor } = pooledImage(pick(POOL)).manifest;
    await change(name, descriptor.digest, () => layout.tag(descriptor, name));
  } else if (some !== undefined) {
    if (dice < 8) await change(name, held.get(some), () => layout.tag(some, name));
    else await change(some, undefined, () => layout.untag(some));
  }
  for (const one of [name, ...some === undefined ? [] : [some]]) await assertWhole(layout, one);
}

const registry = createRegistry(builtins);
await using layout = await openLayout(place, { mode: "write", wait: 120_000, registry });
const end = systemClock.elapsed() + Number(seconds) * 1_000;
for (let turn = 0; systemClock.elapsed() < end; turn++) await act(layout, turn);
console.log("end");
