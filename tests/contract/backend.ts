/**
 * The contract of a backend as tests: a backend that passes can carry a layout.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { systemClock } from "../../core/mod.ts";
 * import { openMemory } from "../../plugins/memory/mod.ts";
 * import { backendContract } from "./backend.ts";
 *
 * const options = { mode: "create", durability: "none", wait: 0, clock: systemClock, notice() {} } as const;
 * backendContract("memory", { test, place: () => openMemory(new URL("mem:"), options) });
 * ```
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type Awaitable,
  type Backend,
  type Clock,
  type Digest,
  leaseLock,
  type Lock,
} from "../../core/mod.ts";
import { blobs } from "./blobs.ts";
import { timeless } from "./clock.ts";
import { deletion } from "./deletion.ts";
import { docs } from "./docs.ts";
import { ingests } from "./ingests.ts";
import { lockContract } from "./lock.ts";
import { renewal } from "./renewal.ts";
import { resuming } from "./resuming.ts";
import { type Cases, needs, put, register, type Test } from "./suite.ts";
import { trashed } from "./trash.ts";

/** A member that a backend may lack. */
export type Optional = "adopt" | "renew" | "trash" | "lock" | "now" | "usage";

/** What the suite needs to know of a backend. */
export interface BackendSuite {
  /** The runner: `Deno.test`, or `test` of `node:test`. */
  readonly test: Test;
  /** Opens a fresh, empty place, ready to be written. */
  place(): Awaitable<Backend>;
  /** Opens the same place a second time, as another process would; without it the first opening stands in. */
  reopen?(backend: Backend): Awaitable<Backend>;
  /** The optional members it promises; the cases of one that is neither promised nor there are skipped. */
  readonly has?: readonly Optional[];
  /** Leaves bytes under a digest that is not theirs; needed where a commit checks them against each other. */
  damage?(backend: Backend, digest: Digest, bytes: Uint8Array<ArrayBuffer>): Awaitable<void>;
}

/** Asks of a backend all that core/backend.ts and core/lock.ts promise, each sentence in a place of its own. */
export function backendContract(name: string, suite: BackendSuite): void {
  const cases: Cases = {
    ...members(suite.has ?? []),
    ...blobs,
    ...ingests,
    ...resuming,
    ...deletion,
    ...renewal,
    ...trashed,
    ...docs,
  };
  for (const [promise, run] of Object.entries(cases)) {
    register(suite.test, `${name}: ${promise}`, async () => {
      await using opened = new AsyncDisposableStack();
      const keep = async (backend: Awaitable<Backend>) => opened.use(await backend);
      await run({
        place: () => keep(suite.place()),
        reopen: (backend) => suite.reopen ? keep(suite.reopen(backend)) : Promise.resolve(backend),
        damage: async (backend, digest, bytes) => {
          if (suite.damage) await suite.damage(backend, digest, bytes);
          else await put(backend, bytes, digest);
        },
      });
    });
  }
  const lockPlace = async (lockOf: (backend: Backend, clock: Clock) => Lock) => {
    const backend = await suite.place();
    return {
      lock: (clock: Clock) => lockOf(backend, clock),
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    };
  };
  lockContract(`${name}, leases`, {
    test: suite.test,
    place: () => lockPlace(({ docs }, clock) => leaseLock(timeless(docs), { clock, poll: 1_000 })),
  });
  if (!suite.has?.includes("lock")) return;
  lockContract(`${name}, lock`, {
    test: suite.test,
    realTime: true,
    place: () => lockPlace(({ lock }) => lock ?? assert.fail("it has no lock")),
  });
}

function members(promised: readonly Optional[]): Cases {
  return {
    "it has the optional members it promises": async ({ place }) => {
      const { blobs, ...backend } = await place();
      const all: Readonly<Record<string, unknown>> = { ...backend, ...blobs };
      assert.deepEqual(promised.filter((name) => all[name] === undefined), []);
    },
    "its url is the same in every opening, and carries no secret": async (
      { place, reopen },
    ) => {
      const store = await place();
      const { url } = await reopen(store);
      assert.equal(url.href, store.url.href);
      assert.equal(url.password, "");
    },
    "a clock of its own tells a time near ours": async ({ place }) => {
      const store = await place();
      needs(store, "now");
      const now = await store.now();
      assert.ok(Math.abs(now.getTime() - Date.now()) < 24 * 3_600_000);
    },
  };
}
