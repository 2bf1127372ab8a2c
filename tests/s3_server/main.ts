// The server as a process of its own, for tests that need several processes and for everybody's own ends:
//
//   deno run -A tests/s3_server/main.ts --port 9000 --bucket test      or: bun tests/s3_server/main.ts …
//
// Prints its endpoint in one line and serves until it is stopped.
import process from "node:process";
import { parseArgs } from "node:util";
import { PERSONALITIES } from "./personalities.ts";
import { start } from "./server.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    bucket: { type: "string", multiple: true, default: ["test"] },
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
const server = await start({
  personality,
  switches: JSON.parse(values.switches),
  faults: JSON.parse(values.faults),
  buckets: values.bucket,
  port: Number(values.port),
  host: values.host,
  seed: Number(values.seed),
});
const [accessKey, secretKey] = [values["access-key"], values["secret-key"]];
if (accessKey !== undefined && secretKey !== undefined) {
  server.change({ auth: { keys: [{ accessKey, secretKey }] } });
}
console.log(server.url);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));
