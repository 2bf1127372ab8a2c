// Two writers and all that can befall what they ask, before whatever server.
import assert from "node:assert/strict";
import {
  type Backend,
  type Clock,
  type Descriptor,
  digestOf,
  isOciError,
  type Layout,
  type OpenBackend,
  openLayout,
  systemClock,
} from "../../../core/mod.ts";
import { type Image, imageOf, pushAll } from "../../images.ts";
import type { Fault, Rule } from "../../s3_server/faults.ts";
import { opening } from "./buckets.ts";

/** Milliseconds for which a silent server is waited for. */
export const PATIENCE = 300;
/** Pauses between tries pass in a twentieth of their time. */
export const hurried: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
};

/** What can go wrong with any request. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  "500 unapplied": { kind: "status", status: 500, code: "InternalError" },
  "500 applied": { kind: "status", status: 500, code: "InternalError", applied: true },
  "503 applied": { kind: "status", status: 503, code: "SlowDown", applied: true },
  "503 unapplied": { kind: "status", status: 503, code: "SlowDown" },
  "429": { kind: "status", status: 429, code: "TooManyRequests" },
  "early 500": { kind: "early", status: 500, code: "InternalError" },
  "dropped by RST before it was read": { kind: "drop", when: "head", by: "rst" },
  "dropped by FIN unapplied": { kind: "drop", when: "unapplied", by: "fin" },
  "dropped by FIN after applying": { kind: "drop", when: "applied", by: "fin" },
  "dropped by RST after applying": { kind: "drop", when: "applied", by: "rst" },
  "an answer cut by FIN": { kind: "cut", at: 7, by: "fin" },
  "an answer cut by RST": { kind: "cut", at: 7, by: "rst" },
  "a chunked answer cut": { kind: "cut", at: 7, by: "fin", chunked: true },
  "a wrong length": { kind: "length", by: 9 },
  "silence before the answer": { kind: "stall", where: "head", ms: 4 * PATIENCE },
  "silence within the answer": { kind: "stall", where: "body", ms: 4 * PATIENCE, at: 3 },
  "applied twice": { kind: "again", ms: 5, shown: "second" },
  "applied late": { kind: "late", ms: 40, by: "rst" },
};

/** One in so many requests fails so. */
export function ruleOf(fault: Fault, chance: number, seed: number): Rule {
  // The length of an answer without a body is all that it says: nobody could tell that it is wrong.
  return { chance, seed, fault, ...(fault.kind === "length" ? { op: "GetObject" } : {}) };
}

/** A server with faults on demand, and a place on it for each name. */
export interface Suffering {
  readonly open: OpenBackend;
  readonly faults: { add(...rules: Rule[]): void; clear(): void };
  url(name: string): URL;
}

let places = 0;

/** Whether a failure is honest: the store could not be had, and nobody says that others were first. */
function assertHonest(writer: Writer, error: unknown): void {
  if (!isOciError(error, "unavailable")) throw error;
  writer.failures++;
}

interface Writer {
  readonly layout: Layout;
  readonly backend: Backend;
  /** What each name may stand for by now: more than one digest, or nothing, after an unknown outcome. */
  readonly names: Map<string, readonly (string | undefined)[]>;
  failures: number;
}

/** One operation of a writer on a name of its own. */
async function operate(
  writer: Writer,
  name: string,
  step: number,
  images: readonly Image[],
) {
  const { layout, backend, names } = writer;
  const held = names.get(name) ?? [undefined];
  const image = images[step % images.length] ?? assert.fail();
  const { digest } = image.descriptor;
  if (step % 7 === 6) {
    // Every other one is long enough to be sent as it comes.
    const text = `${name} ${step} `.repeat(step % 14 === 6 ? 1 : 1 << 18);
    const bytes = new TextEncoder().encode(text);
    const [digest, size] = [digestOf(bytes), bytes.length];
    try {
      await layout.push({ mediaType: "text/plain", digest, size }, bytes);
      assert.equal(await new Response(await backend.blobs.read(digest)).text(), text);
    } catch (error) {
      assertHonest(writer, error);
    }
    return;
  }
  const drop = step % 5 === 4 && held.length === 1 && held[0] !== undefined;
  const expect = held.length === 1 ? held[0] ?? null : undefined;
  const options = expect === undefined ? {} : { expect: expect as Descriptor["digest"] | null };
  try {
    if (drop) await layout.untag(name, options);
    else await layout.tag(image.descriptor, name, options);
    names.set(name, [drop ? undefined : digest]);
  } catch (error) {
    assertHonest(writer, error);
    names.set(name, [...held, drop ? undefined : digest]);
  }
}

/** Two writers on names of their own, while faults befall what they ask; then what is there is what they were told. */
export async function suffer(
  { open, url, faults }: Suffering,
  rules: readonly Rule[],
  steps: number,
): Promise<void> {
  const place = url(`faults-${++places}`);
  const images = [imageOf("one"), imageOf("two"), imageOf("three")];
  const start = async (): Promise<Writer> => {
    const backend = await open(place, { ...opening, clock: hurried });
    const layout = await openLayout(backend, { mode: "create", clock: hurried });
    return { backend, layout, names: new Map(), failures: 0 };
  };
  const writers = [await start(), await start()];
  for (const image of images) {
    await pushAll(writers[0]?.layout ?? assert.fail(), image.config, image.layer, image);
  }
  faults.add(...rules);
  try {
    await Promise.all(writers.map(async (writer, at) => {
      for (let step = 0; step < steps / 2; step++) {
        await operate(writer, `w${at}-${step % 4}`, step, images);
      }
    }));
  } finally {
    faults.clear();
  }
  // What is late has landed by then.
  await systemClock.sleep(100);
  const index = await (await start()).layout.index();
  for (const [name, held] of writers.flatMap(({ names }) => [...names])) {
    const found = index.manifests.filter(({ annotations }) =>
      annotations?.["org.opencontainers.image.ref.name"] === name
    );
    assert.ok(found.length <= 1, `${name} stands twice`);
    assert.ok(held.includes(found[0]?.digest), `${name} is ${found[0]?.digest}, told ${held}`);
  }
  const failures = writers.reduce((sum, writer) => sum + writer.failures, 0);
  assert.ok(failures <= steps / 10, `${failures} of ${steps} operations failed`);
  for (const { backend } of writers) await backend[Symbol.asyncDispose]();
}

/** All of it at once, in one request of five. */
export function everything(): Rule[] {
  const faults = Object.values(FAULTS);
  return faults.map((fault, at) => ruleOf(fault, 0.2 / faults.length, at + 1));
}
