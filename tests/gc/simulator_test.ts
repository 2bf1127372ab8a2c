// Garbage collection beside writers in a world where seeds decide who goes on, what gets lost and who dies. The code is
// the real one; store, clocks and chance are not. And for each protection of the protocol, that without it such a world
// breaks, so that a run which holds says something.
//
//   STOWAGE_SIM_RUNS=5000 deno test -A tests/gc/simulator_test.ts        more seeds
//   STOWAGE_SIM_SEED=exact:122 deno test -A tests/gc/simulator_test.ts   one seed, and all that happens
import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import type { Mutation } from "./simulator/mutation.ts";
import { mutations } from "./simulator/mutations.ts";
import { seeds } from "./simulator/seeds.ts";
import { simulate } from "./simulator/simulate.ts";
import type { Laws } from "./simulator/shelf.ts";

const SHORT = 100;
const RUNS = Number(process.env["STOWAGE_SIM_RUNS"] ?? SHORT);
const [only, seed] = process.env["STOWAGE_SIM_SEED"]?.split(":") ?? [];
const LONG = { timeout: 24 * 3_600_000 };
/** Seeds in which a missing protection must show. */
const ENOUGH = 1_000;

const PROTOCOLS = (["exact", "deadline"] as const).filter((one) => one === (only ?? one));

for (const protocol of PROTOCOLS) {
  describe(`writers beside collectors, where deletes are ${called(protocol)}`, () => {
    it("lose nothing that was acknowledged, leave no garbage and never hang", LONG, async () => {
      const first = Number(seed ?? 0);
      for (let at = first; at < first + (seed === undefined ? RUNS : 1); at++) {
        const { broken, history } = await simulate(at, {
          laws: { protocol },
          // Beside programs that know nothing of collections, too.
          scenario: { strangers: at % 4 === 3 ? 2 : 0 },
        });
        if (seed !== undefined) console.log(history.join("\n"));
        const last = history.slice(-40).join("\n");
        assert.equal(broken, undefined, `STOWAGE_SIM_SEED=${protocol}:${at}: ${broken}\n${last}`);
      }
    });

    it("go the same way each time", LONG, async () => {
      for (let at = 0; at < 10; at++) {
        const [one, other] = await Promise.all(
          [1, 2].map(() => simulate(at, { laws: { protocol } })),
        );
        assert.deepEqual(one, other);
      }
    });
  });

  if (seed !== undefined) continue;
  describe(`where deletes are ${called(protocol)}, something breaks if`, () => {
    for (const mutation of mutations.filter(({ setting }) => setting.laws.protocol === protocol)) {
      it(mutation.name, LONG, () => breaks(mutation));
    }
  });
}

function called(protocol: Laws["protocol"]): string {
  return protocol === "exact" ? "exact" : "bound to a deadline";
}

/** Searches a seed that shows the mutation; all that come before, and that one, hold without it. */
async function breaks({ name, setting }: Mutation): Promise<void> {
  const { changes: _, ...whole } = setting;
  const { protocol } = setting.laws;
  const seed = RUNS > SHORT ? 0 : seeds[`${protocol}: ${name}`] ?? 0;
  const sound = { ...whole, laws: { protocol } };
  for (let at = seed; at < seed + ENOUGH; at++) {
    const { broken } = await simulate(at, sound);
    assert.equal(broken, undefined, `without a mutation, seed ${at}: ${broken}`);
    if ((await simulate(at, setting)).broken !== undefined) return;
  }
  assert.fail(`nothing broke in ${ENOUGH} seeds`);
}
