import { type BackendOptions, systemClock } from "../core/mod.ts";

/** How a backend is opened where a test does not care. */
export const usual: BackendOptions = {
  mode: "create",
  durability: "none",
  wait: 30_000,
  clock: systemClock,
  notice() {},
};
