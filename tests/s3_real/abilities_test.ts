import assert from "node:assert/strict";
import { test } from "node:test";
import { abilitiesOf } from "../s3_server/abilities.ts";
import { observed, VERSIONS } from "../s3_server/observed.ts";
import { unless } from "../skip.ts";
import { missing, servers } from "./servers.ts";

for (const server of servers) {
  const { name, column, bucket } = server;
  test(`${name}: answers as was written down, so that another version shows`, async () => {
    const found = await abilitiesOf(server, bucket);
    if (column) assert.deepEqual(found, observed(column), `${VERSIONS[column]} answered otherwise`);
    else console.log(`${name} ${server.version}:`, found);
  });
}
for (const name of missing) {
  test(`${name}: answers as was written down`, unless(`${name} is not started here`), () => {});
}
