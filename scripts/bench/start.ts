import { compare, STOWAGE } from "./pairs.ts";

/** Starting, beside a program in Go. */
export async function start(): Promise<void> {
  await compare({
    name: "version",
    promise: "at most 2",
    figure: "wall",
    ours: [STOWAGE, "version"],
    peer: ["skopeo", "--version"],
    runs: 20,
  });
}
