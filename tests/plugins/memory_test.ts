import assert from "node:assert/strict";
import { test } from "node:test";
import { type BackendOptions, createRegistry, systemClock } from "../../core/mod.ts";
import { memory, openMemory } from "../../plugins/memory/mod.ts";
import { backendContract } from "../contract/backend.ts";

const options: BackendOptions = {
  mode: "create",
  durability: "none",
  wait: 0,
  clock: systemClock,
  notice() {},
};
const { open } = createRegistry([memory()]);
let places = 0;

backendContract("memory", {
  test,
  place: () => open(new URL(`mem:${places++}`), options),
  reopen: ({ url }) => open(url, options),
  has: ["adopt", "renew", "trash"],
});

test("memory: a name is shared within a plugin, and with nobody else", async () => {
  const url = new URL("mem:shared");
  const plugin = createRegistry([memory()]);
  await (await plugin.open(url, options)).docs.swap("index.json", "{}", undefined);
  assert.equal((await (await plugin.open(url, options)).docs.load("index.json"))?.text, "{}");
  for (const other of [createRegistry([memory()]).open(url, options), openMemory(url, options)]) {
    assert.equal(await (await other).docs.load("index.json"), undefined);
  }
});

test("memory: only mode `create` makes a place", async () => {
  const url = new URL("mem:none");
  for (const mode of ["read", "write"] as const) {
    const backend = await open(url, { ...options, mode });
    await backend.docs.swap("index.json", "{}", undefined);
    assert.equal(await (await open(url, { ...options, mode })).docs.load("index.json"), undefined);
  }
});
