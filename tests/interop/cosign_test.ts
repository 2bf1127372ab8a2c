// Signatures beside cosign 2 and 3, openssl and sigstore's own verifier: each reads what the other wrote.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { openLayout, signHook } from "../../mod.ts";
import { stowage } from "../cli/stowage.ts";
import { needing, run, scratch } from "./tools.ts";
import { withRegistry } from "./registry.ts";

const NAME = "org.opencontainers.image.ref.name";
const NO_LOG = "--insecure-ignore-tlog=true";
process.env["COSIGN_PASSWORD"] = "pw";

/** Runs the program in a folder; a failure throws. */
async function ours(cwd: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await stowage(args, { cwd, env: { STOWAGE_PASSWORD: "pw" } });
  assert.equal(code, 0, `stowage ${args.join(" ")}: ${err}`);
  return out;
}

/** The exit code of a verification. */
async function judged(cwd: string, ...args: string[]): Promise<number | null> {
  const { code } = await stowage(["verify", ...args], { cwd });
  return code;
}

/** A folder with a layout of one image, `L:v1` and `L:v2`, and a key pair `k`. */
async function imageAndKey(type = "p256"): Promise<string> {
  const folder = await scratch();
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(join(folder, "layer"), "a layer");
  await ours(folder, "key", "generate", "--type", type, "--out", "k");
  const layer = "layer:application/vnd.oci.image.layer.v1.tar";
  const image = "config.json:application/vnd.oci.image.config.v1+json";
  await ours(folder, "push", "--create", "L:v1", layer, "--image-config", image);
  await ours(folder, "tag", "L:v1", "v2");
  return folder;
}

/** Whether cosign accepts the layout `out` with this annotation. */
function accepts(cosign: string, cwd: string, name: string): boolean {
  const args = [
    "verify",
    "--key",
    "k.pub",
    NO_LOG,
    "-a",
    `${NAME}=${name}`,
    "--local-image",
    "out",
  ];
  return spawnSync(cosign, args, { cwd, stdio: "ignore" }).status === 0;
}

for (const type of ["p256", "ed25519"]) {
  needing(
    ["cosign3", "cosign2"],
    `what is exported, cosign 2 and 3 verify by the name it has: ${type}`,
    async () => {
      const folder = await imageAndKey(type);
      const sign = ["--sign-key", "k.key", "--scope", "registry.example/team/app"];
      await ours(folder, "sign", "L:v1", "L:v2", ...sign, "--legacy");
      await ours(folder, "export", "--cosign", "L:v1", "out");
      for (const cosign of ["cosign3", "cosign2"]) {
        assert.equal(accepts(cosign, folder, "v1"), true, cosign);
        assert.equal(accepts(cosign, folder, "v2"), false, cosign);
      }
      const attested = run("cosign3", [
        "verify-attestation",
        "--key",
        "k.pub",
        NO_LOG,
        "--type",
        "https://stowage.dev/ref-binding/v1",
        "--local-image",
        "out",
      ], folder);
      const { predicate } = JSON.parse(atob(JSON.parse(attested.split("\n")[0] ?? "").payload));
      assert.deepEqual([predicate.ref, predicate.sequence], ["v1", 1]);
      await ours(folder, "key", "generate", "--out", "other");
      await writeFile(join(folder, "k.pub"), await readFile(join(folder, "other.pub")));
      for (const cosign of ["cosign3", "cosign2"]) {
        assert.equal(accepts(cosign, folder, "v1"), false);
      }
    },
  );
}

needing(["cosign3", "cosign2"], "keys go both ways, also those for the oldest cosign", async () => {
  const folder = await scratch();
  await ours(folder, "key", "generate", "--out", "k");
  await ours(folder, "key", "generate", "--compat", "--out", "old");
  for (
    const [cosign, name] of [["cosign3", "k"], ["cosign3", "old"], ["cosign2", "k"], [
      "cosign2",
      "old",
    ]] as const
  ) {
    const pem = run(cosign, ["public-key", "--key", `${name}.key`], folder);
    assert.equal(pem.trim(), (await readFile(join(folder, `${name}.pub`), "utf8")).trim());
  }
  for (const cosign of ["cosign2", "cosign3"]) {
    spawnSync(cosign, ["generate-key-pair", "--output-key-prefix", cosign], { cwd: folder });
    const [half, whole] = await Promise.all(
      ["pub", "key"].map((end) => ours(folder, "key", "show", `${cosign}.${end}`)),
    );
    assert.equal(half, whole);
  }
  const wrong = await stowage(["key", "show", "cosign2.key"], {
    cwd: folder,
    env: { STOWAGE_PASSWORD: "wrong" },
  });
  assert.equal(wrong.code, 65);
});

needing(
  ["cosign3", "skopeo", "docker-registry"],
  "what cosign signed, as bundle and as before, is verified here, and survives a collection",
  async () => {
    const folder = await imageAndKey();
    spawnSync("cosign3", ["generate-key-pair", "--output-key-prefix", "c"], { cwd: folder });
    const { id, pem } = await keyOf(folder, "c.pub");
    await withRegistry(folder, async (registry) => {
      run("skopeo", [
        "copy",
        "--insecure-policy",
        "--dest-tls-verify=false",
        "oci:L:v1",
        `docker://${registry}/app:v1`,
      ], folder);
      const listed = JSON.parse(
        run("skopeo", ["inspect", "--tls-verify=false", `docker://${registry}/app:v1`], folder),
      );
      const image = `${registry}/app@${listed.Digest}`;
      const sign = [
        "sign",
        "-y",
        "--key",
        "c.key",
        "--use-signing-config=false",
        "--tlog-upload=false",
      ];
      for (
        const [form, more] of [["cosign-bundle", []], ["cosign-legacy", [
          "--new-bundle-format=false",
        ]]] as const
      ) {
        run("cosign3", [...sign, ...more, image], folder);
        const saved = `saved-${form}`;
        run("cosign3", ["save", "--dir", saved, image], folder);
        const policy = {
          version: 1,
          default: "reject",
          keys: { [id]: { scheme: "ecdsa-p256-sha256", pem } },
          rules: [{ refs: ["*"], keys: [id], forms: [form] }],
        };
        await writeFile(join(folder, "policy.json"), JSON.stringify(policy));
        const strict = { ...policy, rules: [{ refs: ["*"], keys: [id] }] };
        await writeFile(join(folder, "strict.json"), JSON.stringify(strict));
        const reference = `${saved}@${listed.Digest}`;
        assert.equal(await judged(folder, reference, "--policy", "policy.json"), 0, form);
        assert.notEqual(await judged(folder, reference, "--policy", "strict.json"), 0, form);
        assert.notEqual(await judged(folder, reference, "--key", "k.pub"), 0, form);
        await ours(folder, "gc", saved, "--grace", "0s", "--exclusive");
        assert.equal(
          await judged(folder, reference, "--policy", "policy.json"),
          0,
          `${form} after gc`,
        );
      }
    });
  },
);

async function keyOf(folder: string, file: string): Promise<{ id: string; pem: string }> {
  const { keyId } = JSON.parse(await ours(folder, "key", "show", file, "--json"));
  return { id: keyId, pem: await readFile(join(folder, file), "utf8") };
}

needing(["openssl"], "openssl agrees with signatures, keys and their names", async () => {
  for (const type of ["p256", "ed25519"]) {
    const folder = await imageAndKey(type);
    const openssl = (...args: string[]) => run("openssl", args, folder);
    await ours(folder, "sign", "L:v1", "--sign-key", "k.key", "--scope", "s", "--legacy");
    const layout = await openLayout(join(folder, "L"));
    const entry = await layout.resolve("v1");
    const bundle = JSON.parse(entry.annotations?.["dev.stowage.binding"] ?? "");
    const body = Uint8Array.from(atob(bundle.dsseEnvelope.payload), (char) => char.charCodeAt(0));
    const head = `DSSEv1 28 application/vnd.in-toto+json ${body.length} `;
    await writeFile(
      join(folder, "pae"),
      new Uint8Array([...new TextEncoder().encode(head), ...body]),
    );
    const [{ sig }] = bundle.dsseEnvelope.signatures;
    await writeFile(join(folder, "sig"), Uint8Array.from(atob(sig), (char) => char.charCodeAt(0)));
    const check = type === "p256"
      ? ["dgst", "-sha256", "-verify", "k.pub", "-signature", "sig", "pae"]
      : [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "k.pub",
        "-rawin",
        "-in",
        "pae",
        "-sigfile",
        "sig",
      ];
    assert.match(openssl(...check), /Verified OK|Verified Successfully/);
    const der = spawnSync("openssl", ["pkey", "-pubin", "-in", "k.pub", "-outform", "DER"], {
      cwd: folder,
    });
    const { keyId } = JSON.parse(await ours(folder, "key", "show", "k.pub", "--json"));
    assert.equal(createHash("sha256").update(der.stdout).digest("hex"), keyId);
    const make = type === "p256"
      ? ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "o.key"]
      : ["genpkey", "-algorithm", "ED25519", "-out", "o.key"];
    openssl(...make);
    openssl(
      "pkcs8",
      "-topk8",
      "-v2",
      "aes-256-cbc",
      "-v2prf",
      "hmacWithSHA256",
      "-passout",
      "pass:pw",
      "-in",
      "o.key",
      "-out",
      "o.enc",
    );
    openssl("pkey", "-in", "o.key", "-pubout", "-out", "o.pub");
    const shown = await Promise.all(
      ["o.key", "o.enc", "o.pub"].map((file) => ours(folder, "key", "show", file)),
    );
    assert.equal(new Set(shown).size, 1);
    if (type === "p256") {
      openssl("ec", "-in", "o.key", "-out", "o.sec1");
      assert.equal(await ours(folder, "key", "show", "o.sec1"), shown[0]);
    }
    await ours(folder, "key", "generate", "--from", "o.enc", "--out", "plain", "--unencrypted");
    assert.equal(
      openssl("pkey", "-in", "plain.key", "-pubout"),
      await readFile(join(folder, "o.pub"), "utf8"),
    );
  }
});

needing(
  ["node", "npm"],
  "sigstore's own verifier accepts the bundles, and none that is changed",
  async () => {
    const folder = await imageAndKey();
    await ours(folder, "sign", "L:v1", "--sign-key", "k.key", "--scope", "s");
    const entry = await (await openLayout(join(folder, "L"))).resolve("v1");
    const text = entry.annotations?.["dev.stowage.binding"] ?? "";
    await writeFile(join(folder, "bundle.json"), text);
    const changed = JSON.parse(text);
    changed.dsseEnvelope.payload = btoa(
      atob(changed.dsseEnvelope.payload).replace('"sequence":1', '"sequence":2'),
    );
    await writeFile(join(folder, "changed.json"), JSON.stringify(changed));
    await writeFile(join(folder, "package.json"), "{}");
    run("npm", [
      "install",
      "--silent",
      "--no-audit",
      "--no-fund",
      "@sigstore/bundle@4.0.0",
      "@sigstore/verify@3.1.1",
    ], folder);
    const program = `
    const { createPublicKey } = require("node:crypto");
    const { readFileSync } = require("node:fs");
    const { bundleFromJSON } = require("@sigstore/bundle");
    const { toSignedEntity, Verifier } = require("@sigstore/verify");
    const publicKey = createPublicKey(readFileSync("k.pub"));
    const trust = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [],
      publicKey: () => ({ publicKey, validFor: () => true }) };
    const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(process.argv[2], "utf8")))));
  `;
    await writeFile(join(folder, "verify.cjs"), program);
    run("node", ["verify.cjs", "bundle.json"], folder);
    assert.throws(() => run("node", ["verify.cjs", "changed.json"], folder));
  },
);

needing(
  ["skopeo"],
  "a name that skopeo set again has lost its signature; it is repaired without a key",
  async () => {
    const folder = await imageAndKey();
    await ours(folder, "sign", "L:v1", "--sign-key", "k.key", "--scope", "s");
    const annotations = async () =>
      (await (await openLayout(join(folder, "L"))).resolve("v1")).annotations ?? {};
    const before = await annotations();
    run("skopeo", ["copy", "--insecure-policy", "oci:L:v1", "oci:L:v1"], folder);
    assert.equal((await annotations())["dev.stowage.binding"], undefined);
    // The listed signature vouches for it all the same.
    assert.equal(await judged(folder, "L:v1", "--key", "k.pub"), 0);
    await ours(folder, "sign", "--repair", "L:v1");
    const after = await annotations();
    assert.equal(after["dev.stowage.binding"], before["dev.stowage.binding"]);
    assert.equal(await judged(folder, "L:v1", "--key", "k.pub"), 0);
    await using store = await openLayout(join(folder, "L"), { hooks: [await signHook()] });
    assert.equal((await store.resolve("v1")).digest, (await store.resolve("v2")).digest);
  },
);
