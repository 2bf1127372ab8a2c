import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createRegistry,
  defineBody,
  defineCommand,
  type Hook,
  OciError,
  type Plugin,
} from "../../../core/basics.ts";
import { main } from "../../../plugins/commands/main.ts";
import { memory } from "../../../plugins/memory/mod.ts";
import { fails } from "../../fails.ts";
import { EXITS, fakeHost } from "./fake_host.ts";

/** A command that opens a place and sets or reads names there. */
const using = (name: string, ...names: ("reads" | "sets")[]) =>
  defineCommand({
    name,
    summary: "does it",
    load: () =>
      Promise.resolve(defineBody({
        usage: "",
        flags: { depth: { type: "count", help: "how deep", default: "1" } },
        examples: [],
        names,
        positionals: [0, 0],
        async run(context) {
          await using one = await context.open(context.place("mem:flags"), "create");
          await using two = await context.open(context.place("mem:other"), "create");
          assert.equal(one.store.hooks[0], two.store.hooks[0]);
        },
      })),
  });

function plugin(made: unknown[]): Plugin {
  return {
    name: "stamp",
    hookFlags: {
      sets: { "stamp": { type: "text", help: "what to stamp with" } },
      reads: { "trust": { type: "text", help: "whom to trust" } },
    },
    hooks: {
      stamp: (settings): Hook => {
        made.push(settings);
        if (settings["trust"] === "nobody") {
          throw new OciError("refused", "Cannot trust anybody", { reason: "distrust" });
        }
        return { name: "stamp" };
      },
    },
    exits: { distrust: 77 },
    commands: [using("write", "sets"), using("both", "reads", "sets"), using("plain")],
  };
}

async function run(...argv: string[]) {
  const made: unknown[] = [];
  const { host, said } = fakeHost(argv);
  const code = await main(createRegistry([memory(), plugin(made)]), EXITS, host);
  return { code, made: made as Record<string, unknown>[], ...said };
}

test("a hook adds flags to commands that say what they do with names, and is made of them once", async () => {
  const both = await run("both", "--stamp", "S", "--trust", "T");
  assert.equal(both.code, 0, both.err.join());
  assert.equal(both.made.length, 1);
  assert.deepEqual([both.made[0]?.["stamp"], both.made[0]?.["trust"]], ["S", "T"]);
  assert.equal((await run("write", "--trust", "T")).code, EXITS.usage);
  assert.equal((await run("plain", "--stamp", "S")).code, EXITS.usage);
  assert.deepEqual((await run("plain")).made, [{}]);
});

test("its flags are in the help of these commands", async () => {
  const help = await run("write", "--help");
  assert.match(help.out, /--stamp TEXT\s+what to stamp with/);
  assert.doesNotMatch(help.out, /--trust/);
});

test("a reason that a plugin gives an exit code ends with it", async () => {
  const { code, err } = await run("both", "--trust", "nobody");
  assert.deepEqual([code, err], [77, ["stowage both: Cannot trust anybody  [distrust]"]]);
});

test("of two plugins that bring the same flag or reason neither wins", async () => {
  const flags = { reads: { x: { type: "text", help: "" } } } as const;
  const registered = (...plugins: Plugin[]) =>
    Promise.resolve().then(() => createRegistry(plugins));
  const [a, b] = [{ name: "a", hookFlags: flags }, { name: "b", hookFlags: flags }];
  await fails(registered(a, b), "already_exists", /the flag "x" is taken/);
  const exits = { exits: { no: 1 } };
  await fails(
    registered({ name: "a", ...exits }, { name: "b", ...exits }),
    "already_exists",
    /the reason "no" is taken/,
  );
});
