import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { copy, createRegistry, isOciError, openLayout } from "../../core/mod.ts";
import { directory, directoryUrl } from "../../plugins/dir/mod.ts";
import { noise, utf8 } from "../contract/suite.ts";
import { have, run } from "../interop/tools.ts";
import { all, readXml, textOf } from "../s3_server/xml.ts";
import { type Places, placesIn } from "./places.ts";
import { type RealServer, servers } from "./servers.ts";

/** Writes what is below an address into a folder, as any program that syncs does. */
async function sync({ ask }: Places, { bucket }: RealServer, url: URL, folder: string) {
  const prefix = `${url.pathname.slice(1)}/`;
  const query = { "list-type": "2", prefix };
  const xml = readXml((await ask("GET", `/${bucket}`, { query })).text) ?? assert.fail();
  for (const entry of all(xml, "Contents")) {
    const key = textOf(entry, "Key") ?? "";
    const path = join(folder, key.slice(prefix.length));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, (await ask("GET", `/${bucket}/${key}`)).bytes);
  }
}

const blobsIn = (folder: string) =>
  readdirSync(join(folder, "blobs", "sha256")).sort().map((name) => [
    name,
    readFileSync(join(folder, "blobs", "sha256", name), "latin1"),
  ]);

for (const server of servers) {
  const { name, url: endpoint } = server;

  test(
    `${name}: a layout, synced to a folder, is what a copy makes, to the byte, and skopeo reads it`,
    {
      timeout: 120_000,
    },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "stowage-s3-"));
      await using places = placesIn(server);
      try {
        const bucketOnly = { name: "s3", backends: { s3: places.open } };
        const registry = createRegistry([bucketOnly, directory()]);
        const [synced, copied] = [join(folder, "synced"), join(folder, "copied")];
        {
          await using layout = await openLayout(places.url("image"), { registry, mode: "create" });
          const config = {
            architecture: "amd64",
            os: "linux",
            rootfs: { type: "layers", diff_ids: [] },
          };
          const stored = await Promise.all([
            ["config.v1+json", utf8(JSON.stringify(config))] as const,
            ["layer.v1.tar", noise(11 << 20)] as const,
            ["layer.v1.tar", noise(70_000, 2)] as const,
          ].map(async ([type, bytes]) => {
            const mediaType = `application/vnd.oci.image.${type}`;
            return (await layout.push({ mediaType }, bytes)).descriptor;
          }));
          const [configuration, ...layers] = stored;
          const mediaType = "application/vnd.oci.image.manifest.v1+json";
          const manifest = { schemaVersion: 2, mediaType, config: configuration, layers };
          const { descriptor } = await layout.push({ mediaType }, utf8(JSON.stringify(manifest)));
          await layout.tag(descriptor, "v1");
          await using target = await openLayout(directoryUrl(copied), { registry, mode: "create" });
          await copy(layout, "v1", target);
        }
        await sync(places, server, places.url("image"), synced);
        assert.deepEqual(blobsIn(synced), blobsIn(copied));
        const marker = (root: string) => readFileSync(join(root, "oci-layout"), "utf8");
        assert.equal(marker(synced), marker(copied));
        // When each was named, and by whom, is not the same.
        const entries = (root: string) =>
          JSON.stringify(JSON.parse(readFileSync(join(root, "index.json"), "utf8")).manifests)
            .replace(/"dev.stowage.tagged":"[^"]*"/g, "");
        assert.equal(entries(synced), entries(copied));
        if (!have("skopeo")) return;
        const raw = JSON.parse(run("skopeo", ["inspect", "--raw", `oci:${synced}:v1`]));
        assert.equal(raw.layers.length, 2);
        run("skopeo", ["copy", `oci:${synced}:v1`, `oci:${join(folder, "again")}:v1`]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test(`${name}: what is wrong is told plainly, with endpoint and bucket, without the secret`, async () => {
    const secretKey = "MARKER-that-must-not-show";
    const told = new Set<string>();
    const cases = [
      [{ ...server, secretKey }, "refused"],
      [{ ...server, accessKey: "nobody", secretKey }, "refused"],
      [{ ...server, bucket: "no-such-bucket-here" }, "not_found"],
    ] as const;
    for (const [wrong, code] of cases) {
      const { open, url } = placesIn(wrong);
      const failing = openLayout(url("wrong"), {
        registry: createRegistry([{ name: "s3", backends: { s3: open } }]),
        mode: "create",
      });
      const error = await failing.then(
        () => assert.fail("it succeeded"),
        (error: unknown) => error,
      );
      assert.ok(isOciError(error, code), String(error));
      const text = `${error.message} ${error.stack} ${JSON.stringify(error)}`;
      assert.ok(
        error.message.includes(endpoint) && error.message.includes(`"${wrong.bucket}"`),
        text,
      );
      assert.ok(!text.includes("MARKER"), text);
      assert.ok(!/Signature=/.test(text), text);
      told.add(error.message.replace(/, request [\w-]+/, ""));
    }
    // One that knows no users cannot tell a wrong key from a wrong secret.
    assert.ok(told.size >= 2, [...told].join("\n"));
  });
}
