// The server as a process of its own, for tests that need several processes and for everybody's own ends:
//
//   deno run -A tests/s3_server/main.ts --port 9000 --bucket test      or: bun tests/s3_server/main.ts …
//   deno run -A tests/s3_server/main.ts --forward http://127.0.0.1:8000      faults before another server
//
// Prints its endpoint in one line and serves until it is stopped.
import process from "node:process";
import { parseArgs } from "node:util";
import { forward } from "./forward.ts";
import { PERSONALITIES } from "./personalities.ts";
import { start } from "./server.ts";
import { change } from "./switches.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    bucket: { type: "string", multiple: true, default: ["test"] },
    forward: { type: "string" },
    personality: { type: "string", default: "aws" },
    switches: { type: "string", default: "{}" },
    faults: { type: "string", default: "[]" },
    "access-key": { type: "string" },
    "secret-key": { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const personality = PERSONALITIES.find((name) => name === values.personality);
if (!personality) {
  throw new Error(`No personality "${values.personality}", but ${PERSONALITIES.join(", ")}`);
}
const common = {
  faults: JSON.parse(values.faults),
  port: Number(values.port),
  host: values.host,
};
const [accessKey, secretKey] = [values["access-key"], values["secret-key"]];
const keys = accessKey !== undefined && secretKey !== undefined
  ? [{ accessKey, secretKey }]
  : undefined;
const server = values.forward !== undefined
  ? await forward({ ...common, to: values.forward })
  : await start({
    ...common,
    personality,
    switches: change(JSON.parse(values.switches), keys ? { auth: { keys } } : {}),
    buckets: values.bucket,
    seed: Number(values.seed),
  });
console.log(server.url);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));
