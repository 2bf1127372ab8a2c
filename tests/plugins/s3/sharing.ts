// What must hold where processes of both runtimes share a bucket, whatever serves it.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  type Clock,
  createRegistry,
  type Layout,
  nameOf,
  openLayout,
  systemClock,
} from "../../../core/mod.ts";
import { s3 } from "../../../plugins/s3/mod.ts";
import { danglingIn } from "../../gc/collecting.ts";
import { imageOf, pushAll } from "../../images.ts";
import { runtimes } from "../../runtimes.ts";
import { credentialsOf } from "./buckets.ts";
import { type Keys, run } from "./programs/run.ts";

/** A place that is shared: by two addresses, those of two gateways of one store. */
export interface Shared {
  readonly keys: Keys;
  readonly places: readonly [string, string];
}

const mixed = (n: number) => runtimes[n % runtimes.length] ?? assert.fail();

function open({ keys, places: [place] }: Shared, clock = systemClock, at = place): Promise<Layout> {
  const registry = createRegistry([s3(credentialsOf(keys))]);
  return openLayout(new URL(at), { registry, mode: "create", clock });
}

async function namesIn(layout: Layout): Promise<Map<string, string>> {
  const { manifests } = await layout.index();
  return new Map(manifests.map((entry) => [nameOf(entry) ?? "", entry.digest]));
}

/** So many processes set names, every second one the same as the others; a reader sees none vanish and none torn. */
export async function setNames(
  shared: Shared,
  { writers, names: count }: { readonly writers: number; readonly names: number },
): Promise<void> {
  const { keys, places } = shared;
  await using layout = await open(shared);
  for (let n = 0; n < writers; n++) {
    const image = imageOf(`writer${n}`);
    await pushAll(layout, image.config, image.layer, image);
  }
  let writing = true;
  const reader = (async () => {
    await using reading = await open(shared, systemClock, places[1]);
    const seen = new Set<string>();
    for (; writing; await systemClock.sleep(20)) {
      const names = await namesIn(reading);
      for (const name of seen) assert.ok(names.has(name), `${name} has vanished`);
      for (const name of names.keys()) seen.add(name);
    }
    return seen.size;
  })();
  const told: string[] = [];
  const codes = await Promise.all(Array.from({ length: writers }, async (_, n) => {
    const args = [places[n % 2] ?? "", "0", "1", `writer${n}`, String(count)];
    const child = run(mixed(n), "tagger", keys, args, (line) => told.push(line));
    return (await once(child, "close"))[0];
  }));
  writing = false;
  assert.ok(await reader > 0);
  assert.deepEqual(codes, Array(writers).fill(0));
  assert.equal(told.length, writers * count);
  const names = await namesIn(layout);
  const written = Map.groupBy(told, (line) => line.split(" ")[0] ?? "");
  assert.deepEqual([...names.keys()].sort(), [...written.keys()].sort());
  for (const [name, digest] of names) {
    assert.ok(written.get(name)?.includes(`${name} ${digest}`), `${name} holds ${digest}`);
  }
}

/** How long writers and collectors share a place, and how often one of them dies meanwhile. */
export interface Collecting {
  readonly seconds: number;
  readonly kills: number;
  /** The clock of all processes: so many times as fast, from a moment on. */
  readonly pace?: { readonly clock: Clock; readonly begun: number; readonly speed: number };
}

/** Three processes push, name and drop, one collects without grace: all that was acknowledged is there, and whole. */
export async function collectBeside(
  shared: Shared,
  { seconds, kills, pace = { clock: systemClock, begun: 0, speed: 1 } }: Collecting,
): Promise<void> {
  const { keys, places } = shared;
  const { clock, begun, speed } = pace;
  {
    await using _layout = await open(shared, clock);
  }
  const acknowledged = new Map<string, string>();
  const doubtful = new Set<string>();
  let removed = 0;
  const hear = (line: string) => {
    const [what = "", name = "", digest = ""] = line.split(" ");
    if (what === "tagged") acknowledged.set(name, digest);
    if (what === "untagging") doubtful.add(name);
    if (what === "removed") removed += Number(name);
  };
  const children = new Set<ChildProcess>();
  const failures: string[] = [];
  let lives = 0;
  const launch = (name: string) => {
    const life = ++lives;
    const args = [places[life % 2] ?? "", String(begun), String(speed), `p${life}`];
    const child = run(mixed(life), name, keys, args, hear);
    children.add(child);
    child.on("exit", (code) => {
      children.delete(child);
      if (code !== null && code !== 0) failures.push(`${name} ended with ${code}`);
    });
    return child;
  };
  const programs = ["pusher", "pusher", "pusher", "collector"];
  const slots = programs.map((name) => ({ name, child: launch(name) }));
  const step = seconds * 1_000 / (kills + 1);
  for (let n = 0; n < kills; n++) {
    await systemClock.sleep(step * (0.5 + Math.random()));
    const slot = slots[3 - n % 4] ?? assert.fail();
    slot.child.kill("SIGKILL");
    slot.child = launch(slot.name);
  }
  await systemClock.sleep(step);
  // On a slow machine a collector needs longer to come to an end between two deaths, and one that died in the midst of a
  // delete holds up the next one to the deadline of it.
  for (let waits = 0; removed === 0 && waits < 180; waits++) await systemClock.sleep(1_000);
  const ends = [...children].map((child) => once(child, "close"));
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(ends);
  assert.deepEqual(failures, []);
  assert.ok(acknowledged.size > 10, `${acknowledged.size} names were set`);
  assert.ok(removed > 0, "nothing was collected meanwhile");
  await using layout = await open(shared, clock);
  const names = await namesIn(layout);
  for (const [name, digest] of acknowledged) {
    if (!doubtful.has(name)) assert.equal(names.get(name), digest, `${name} was lost`);
  }
  assert.deepEqual(await danglingIn(layout), []);
  // Whoever comes next needs no help.
  const image = imageOf("after");
  await pushAll(layout, image.config, image.layer, image);
  await layout.tag(image.descriptor, "after");
}
