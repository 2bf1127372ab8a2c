// What servers say where no room is left, and where an object must stay.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createRegistry, digestOf, openLayout, systemClock } from "../../core/mod.ts";
import { parseAddress } from "../../plugins/s3/address.ts";
import { createClient } from "../../plugins/s3/client.ts";
import { s3 } from "../../plugins/s3/mod.ts";
import { httpTransport } from "../../plugins/s3/transport.ts";
import { noise, utf8 } from "../contract/suite.ts";
import { askerOf } from "../s3_server/asker.ts";
import { unless } from "../skip.ts";
import { type RealServer, servers } from "./servers.ts";

const randomName = (what: string) => `${what}-${crypto.randomUUID().slice(0, 8)}`;

/** A bucket of its own, with keys for it. */
function bucketOf(
  server: RealServer,
  name: string,
  keys: Pick<RealServer, "accessKey" | "secretKey">,
) {
  const { url: endpoint, region } = server;
  const credentials = () =>
    Promise.resolve({ accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey });
  // Where there are versions, rgw ignores the conditions of a write: for one writer that will do.
  const query = new URLSearchParams({ endpoint, region, writers: "1" });
  const url = new URL(`s3://${name}/layout?${query}`);
  const registry = createRegistry([s3({ credentials })]);
  return { url, registry, credentials, ask: askerOf({ url: endpoint, region, ...keys }) };
}

for (const server of servers) {
  const { name, full } = server;

  test(`${name}: a full quota is told as such, and nothing is lost by it`, {
    ...unless(!full && `${name} has no user with a quota here`),
    timeout: 60_000,
  }, async () => {
    const bucket = randomName("full");
    const { url, registry, ask } = bucketOf(server, bucket, full ?? assert.fail());
    assert.equal((await ask("PUT", `/${bucket}`)).status, 200);
    await using layout = await openLayout(url, { registry, mode: "create" });
    const { descriptor } = await layout.push({ mediaType: "text/plain" }, utf8("before"));
    await layout.tag(descriptor.digest, "before");
    const fill = async (n: number) =>
      (await ask("PUT", `/${bucket}/other/${n}`, { body: "x" })).status;
    let others = 0;
    while (await fill(others) === 200) assert.ok(++others < 200, "the quota is not kept to");
    const told = { code: "unavailable", reason: "quota", message: /no room is left/ };
    await assert.rejects(layout.push({ mediaType: "text/plain" }, utf8("one more")), told);
    // Sent as it comes: the server has said no long before its end.
    const large = noise(32 << 20);
    const known = { mediaType: "text/plain", digest: digestOf(large), size: large.length };
    await assert.rejects(layout.push(known, large), told);
    await assert.rejects(layout.tag("before", "again"), told);
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["before"]);
    for (let n = 0; n < others; n++) await ask("DELETE", `/${bucket}/other/${n}`);
    await layout.tag("before", "again");
    assert.equal(new TextDecoder().decode(await layout.fetchAll("again")), "before");
  });

  test(`${name}: an object that is locked is told as such, and stays`, {
    ...unless(!/^(rgw|minio|versitygw)$/.test(name) && `nothing can be locked in ${name}`),
    timeout: 60_000,
  }, async () => {
    const bucket = randomName("locked");
    const { url, registry, credentials, ask } = bucketOf(server, bucket, server);
    const headers = { "x-amz-bucket-object-lock-enabled": "true" };
    assert.equal((await ask("PUT", `/${bucket}`, { headers })).status, 200);
    await using layout = await openLayout(url, { registry, mode: "create" });
    const { descriptor } = await layout.push({ mediaType: "text/plain" }, utf8("stays"));
    await layout.tag(descriptor.digest, "stays");
    const key = `layout/blobs/${descriptor.digest.replace(":", "/")}`;
    const { headers: { "x-amz-version-id": version } } = await ask("HEAD", `/${bucket}/${key}`);
    const versionId: Record<string, string> = version === undefined ? {} : { versionId: version };
    const until = new Date(systemClock.now() + 60_000).toISOString().replace(/\.\d+/, "");
    const body =
      `<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>${until}</RetainUntilDate></Retention>`;
    const md5 = createHash("md5").update(body).digest("base64");
    const query = { retention: "", ...versionId };
    const locked = await ask("PUT", `/${bucket}/${key}`, {
      query,
      body,
      headers: { "content-md5": md5 },
    });
    assert.equal(locked.status, 200, locked.text);

    const { send, close } = httpTransport();
    try {
      const address = parseAddress(url);
      const { endpoint } = address;
      const clock = systemClock;
      const client = createClient({
        address,
        ...(endpoint ? { endpoint } : {}),
        credentials,
        transport: send,
        clock,
      });
      const call = {
        operation: "DeleteObject",
        action: "delete it",
        method: "DELETE",
        key,
        query: versionId,
      } as const;
      const told = { code: "refused", reason: "object_lock", message: /the object is locked/ };
      await assert.rejects(client.send(call), told);
    } finally {
      close();
    }
    // Without versions, deletes of the product meet it; with them, they leave a marker above what stays.
    if (version === undefined) {
      const { digest, size } = descriptor;
      const [removal] = await layout.store.backend.blobs.delete([{ digest, size }]);
      assert.deepEqual([removal?.outcome, removal?.error?.reason], ["failed", "object_lock"]);
      assert.equal(digestOf(await layout.fetchAll("stays")), digest);
    }
  });
}
