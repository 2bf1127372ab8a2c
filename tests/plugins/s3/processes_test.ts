import process from "node:process";
import { describe, it } from "node:test";
import { type S3Server, start } from "../../s3_server/server.ts";
import { fastClock } from "./programs/fast_clock.ts";
import { collectBeside, setNames, type Shared } from "./sharing.ts";

const full = process.env["STOWAGE_TEST_S3"] === "all";
const SPEED = 40;

/** The same server by two names, as two gateways of one store are. */
function shared(server: S3Server, name: string): Shared {
  const at = (host: string) => `s3://test/${name}?endpoint=http://${host}:${server.port}`;
  return { keys: server, places: [at("127.0.0.1"), at("localhost")] };
}

describe("processes that share a bucket", () => {
  const [writers, names] = [8, full ? 50 : 20];
  it(`${writers} of both runtimes, ${names} names each by two gateways: none lost, none torn`, async () => {
    await using server = await start();
    await setNames(shared(server, "many"), { writers, names });
  });

  const [seconds, kills] = full ? [75, 50] : [12, 5];
  it(`writers and collectors without grace, ${kills} of them killed: all that was acknowledged is whole`, async () => {
    const begun = Date.now();
    const clock = fastClock(begun, SPEED);
    await using server = await start({ now: () => clock.now() });
    const pace = { clock, begun, speed: SPEED };
    await collectBeside(shared(server, "killed"), { seconds, kills, pace });
  });
});
