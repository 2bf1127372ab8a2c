import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { describe, it } from "node:test";
import { createRegistry, type Layout, nameOf, openLayout, systemClock } from "../../../core/mod.ts";
import { s3 } from "../../../plugins/s3/mod.ts";
import { danglingIn } from "../../gc/collecting.ts";
import { imageOf, pushAll } from "../../images.ts";
import { runtimes } from "../../runtimes.ts";
import { type S3Server, start } from "../../s3_server/server.ts";
import { credentialsOf } from "./buckets.ts";
import { fastClock } from "./programs/fast_clock.ts";
import { run } from "./programs/run.ts";

const full = process.env["STOWAGE_TEST_S3"] === "all";
const WRITERS = 8;
const NAMES = full ? 50 : 20;
const SPEED = 40;

const mixed = (n: number) => runtimes[n % runtimes.length] ?? assert.fail();
/** The same server by two names, as two gateways of one store are. */
const gateways = ({ port }: S3Server) => [`http://127.0.0.1:${port}`, `http://localhost:${port}`];

function open(server: S3Server, place: string, clock = systemClock): Promise<Layout> {
  const registry = createRegistry([s3(credentialsOf(server))]);
  return openLayout(new URL(place), { registry, mode: "create", clock });
}

async function namesIn(layout: Layout): Promise<Map<string, string>> {
  const { manifests } = await layout.index();
  return new Map(manifests.map((entry) => [nameOf(entry) ?? "", entry.digest]));
}

describe("processes that share a bucket", () => {
  it(`${WRITERS} of both runtimes, ${NAMES} names each by two gateways: none lost, none torn`, async () => {
    await using server = await start();
    const places = gateways(server).map((endpoint) => `s3://test/many?endpoint=${endpoint}`);
    const [place = ""] = places;
    await using layout = await open(server, place);
    for (let n = 0; n < WRITERS; n++) {
      const image = imageOf(`writer${n}`);
      await pushAll(layout, image.config, image.layer, image);
    }
    let writing = true;
    const reader = (async () => {
      await using reading = await open(server, places[1] ?? "");
      const seen = new Set<string>();
      for (; writing; await systemClock.sleep(20)) {
        const names = await namesIn(reading);
        for (const name of seen) assert.ok(names.has(name), `${name} has vanished`);
        for (const name of names.keys()) seen.add(name);
      }
      return seen.size;
    })();
    const told: string[] = [];
    const codes = await Promise.all(Array.from({ length: WRITERS }, async (_, n) => {
      const args = [places[n % 2] ?? "", "0", "1", `writer${n}`, String(NAMES)];
      const child = run(mixed(n), "tagger", server, args, (line) => told.push(line));
      return (await once(child, "close"))[0];
    }));
    writing = false;
    assert.ok(await reader > 0);
    assert.deepEqual(codes, Array(WRITERS).fill(0));
    assert.equal(told.length, WRITERS * NAMES);
    const names = await namesIn(layout);
    const written = Map.groupBy(told, (line) => line.split(" ")[0] ?? "");
    assert.deepEqual([...names.keys()].sort(), [...written.keys()].sort());
    for (const [name, digest] of names) {
      assert.ok(written.get(name)?.includes(`${name} ${digest}`), `${name} holds ${digest}`);
    }
  });

  it("writers and collectors without grace, killed at random: all that was acknowledged is whole", async () => {
    const begun = Date.now();
    const clock = fastClock(begun, SPEED);
    await using server = await start({ now: () => clock.now() });
    const place = `s3://test/killed?endpoint=${server.url}`;
    {
      await using _layout = await open(server, place, clock);
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
    let lives = 0;
    const launch = (name: string) => {
      const life = ++lives;
      const args = [place, String(begun), String(SPEED), `p${life}`];
      const child = run(mixed(life), name, server, args, (line) => hear(line));
      children.add(child);
      child.on("exit", (code) => {
        children.delete(child);
        if (code !== null && code !== 0) failures.push(`${name} ended with ${code}`);
      });
      return child;
    };
    const failures: string[] = [];
    const programs = ["pusher", "pusher", "pusher", "collector"];
    const slots = programs.map((name) => ({ name, child: launch(name) }));
    const [kills, pause] = full ? [50, 1_500] : [5, 2_000];
    for (let n = 0; n < kills; n++) {
      await systemClock.sleep(pause * (0.5 + Math.random()));
      const slot = slots[3 - n % 4] ?? assert.fail();
      slot.child.kill("SIGKILL");
      slot.child = launch(slot.name);
    }
    await systemClock.sleep(2 * pause);
    // On a slow machine a collector needs longer to come to an end between two deaths.
    for (let waits = 0; removed === 0 && waits < 60; waits++) await systemClock.sleep(1_000);
    const ends = [...children].map((child) => once(child, "close"));
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(ends);
    assert.deepEqual(failures, []);
    assert.ok(acknowledged.size > 10, `${acknowledged.size} names were set`);
    assert.ok(removed > 0, "nothing was collected meanwhile");
    await using layout = await open(server, place, clock);
    const names = await namesIn(layout);
    for (const [name, digest] of acknowledged) {
      if (!doubtful.has(name)) assert.equal(names.get(name), digest, `${name} was lost`);
    }
    assert.deepEqual(await danglingIn(layout), []);
    // Whoever comes next needs no help.
    const image = imageOf("after");
    await pushAll(layout, image.config, image.layer, image);
    await layout.tag(image.descriptor, "after");
  });
});
