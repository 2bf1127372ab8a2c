import { test } from "node:test";
import { type BackendOptions, createRegistry, systemClock } from "../../core/mod.ts";
import { memory } from "../../plugins/memory/mod.ts";
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
