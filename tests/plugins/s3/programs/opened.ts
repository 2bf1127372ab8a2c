// What a program of the tests is told: PLACE START SPEED and more. The place as such a process opens it.
import process from "node:process";
import { createRegistry, type Layout, openLayout } from "../../../../core/mod.ts";
import { s3 } from "../../../../plugins/s3/mod.ts";
import { fastClock } from "./fast_clock.ts";

const [place = "", start = "0", speed = "1", ...more] = process.argv.slice(2);

/** The other arguments. */
export const rest: readonly string[] = more;
/** The clock of all processes. */
export const clock = fastClock(Number(start), Number(speed));

/** Opens the place for writing. */
export function openPlace(): Promise<Layout> {
  return openLayout(new URL(place), {
    registry: createRegistry([s3()]),
    mode: "write",
    wait: 600_000,
    clock,
  });
}
