import process from "node:process";
import { test } from "node:test";
import { collectBeside, setNames, type Shared } from "../plugins/s3/sharing.ts";
import { unless } from "../skip.ts";
import { type Places, placesIn } from "./places.ts";
import { type RealServer, servers } from "./servers.ts";

// Longer where the variables ask for it: seconds beside a collector, and deaths, one in 0.8 seconds.
const SECONDS = Number(process.env["STOWAGE_TEST_S3_SECONDS"] ?? "6");
const KILLS = Number(process.env["STOWAGE_TEST_S3_KILLS"] ?? "4");

const forWriters = ({ name, conditional }: RealServer) =>
  unless(!conditional && `${name} has no conditional writes, and is for one writer`);

function shared(server: RealServer, places: Places, name: string): Shared {
  const { accessKey, secretKey, url, other = url } = server;
  const at = (gateway: string) => places.url(name, gateway).href;
  return { keys: { accessKey, secretKey }, places: [at(url), at(other)] };
}

for (const server of servers) {
  const { name, url, other = url } = server;
  const through = url === other ? "one gateway" : "two gateways";
  const options = { ...forWriters(server), timeout: 300_000 };

  test(
    `${name}: eight processes through ${through}, fifty names each, none lost, none torn`,
    options,
    async () => {
      await using places = placesIn(server);
      await setNames(shared(server, places, "many"), { writers: 8, names: 50 });
    },
  );

  test(
    `${name}: writers beside a collector without grace for ${SECONDS} seconds: all that was acknowledged is whole`,
    options,
    async () => {
      await using places = placesIn(server);
      await collectBeside(shared(server, places, "beside"), { seconds: SECONDS, kills: 0 });
    },
  );

  test(
    `${name}: writers and collectors, ${KILLS} of them killed: all that was acknowledged is whole`,
    options,
    async () => {
      await using places = placesIn(server);
      const seconds = Math.max(6, 0.8 * KILLS);
      await collectBeside(shared(server, places, "killed"), { seconds, kills: KILLS });
    },
  );
}
