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
import { type Awaitable, type Backend, type Digest, leaseLock } from "../../core/mod.ts";
import { blobs } from "./blobs.ts";
import { deletion } from "./deletion.ts";
import { docs } from "./docs.ts";
import { ingests } from "./ingests.ts";
import { lockContract } from "./lock.ts";
import { needs, put, register, type Subject, type Test } from "./suite.ts";

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
  for (
    const [promise, run] of Object.entries({
      ...members(suite.has ?? []),
      ...blobs,
      ...ingests,
      ...docs,
      ...deletion,
    })
  ) {
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
  lockContract(`${name}, leases`, {
    test: suite.test,
    place: async () => {
      const backend = await suite.place();
      return {
        lock: (clock) => leaseLock(backend.docs, { clock }),
        [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
      };
    },
  });
}

function members(promised: readonly Optional[]) {
  return {
    "it has the optional members it promises": async ({ place }: Subject) => {
      const { blobs, ...backend } = await place();
      const all: Readonly<Record<string, unknown>> = { ...backend, ...blobs };
      assert.deepEqual(promised.filter((name) => all[name] === undefined), []);
    },
    "its url is the same in every opening, and carries no secret": async (
      { place, reopen }: Subject,
    ) => {
      const store = await place();
      const { url } = await reopen(store);
      assert.equal(url.href, store.url.href);
      assert.equal(url.password, "");
    },
    "a clock of its own tells a time near ours": async ({ place }: Subject) => {
      const store = await place();
      needs(store, "now");
      const now = await store.now();
      assert.ok(Math.abs(now.getTime() - Date.now()) < 24 * 3_600_000);
    },
  };
}
