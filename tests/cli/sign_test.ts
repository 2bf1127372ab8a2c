import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { join } from "node:path";
import { test } from "node:test";
import { snapshot } from "./layout.ts";
import { inFolder, type Run, stowage } from "./stowage.ts";

const SECRET = "correct horse";
const SIGN = ["--sign-key", "k.key", "--scope", "team/app"];

/** Runs the program in a folder, with the passphrase in its environment. */
const running =
  (cwd: string, env: Readonly<Record<string, string>> = { STOWAGE_PASSWORD: SECRET }) =>
  async (...args: string[]): Promise<Run> => {
    const run = await stowage(args, { cwd, env });
    assert.doesNotMatch(run.out + run.err, new RegExp(SECRET), "the passphrase was told");
    return run;
  };

/** A folder with a key pair `k` and a layout of `v1`, signed by it. */
async function signedStore(cwd: string) {
  const run = running(cwd);
  assert.equal((await run("key", "generate", "--out", "k")).code, 0);
  writeFileSync(join(cwd, "file"), "hello");
  const pushed = await run("push", "--create", "store:v1", "file", ...SIGN);
  assert.equal(pushed.code, 0, pushed.err);
  return run;
}

/** A policy file that trusts the key of a folder with every name. */
async function policyFile(cwd: string, run: ReturnType<typeof running>, more: object = {}) {
  const shown = await run("key", "show", "k.pub", "--format", "policy");
  const keys = JSON.parse(shown.out);
  const rules = [{ refs: ["*"], keys: Object.keys(keys) }];
  const policy = { version: 1, default: "reject", scope: "team/app", keys, rules, ...more };
  writeFileSync(join(cwd, "trust.json"), JSON.stringify(policy));
}

/** Edits index.json as an attacker does. */
function tamper(place: string, edit: (entry: { annotations: Record<string, string> }) => void) {
  const path = join(place, "index.json");
  const index = JSON.parse(readFileSync(path, "utf8"));
  index.manifests = index.manifests.filter((one: { annotations: object }) =>
    "org.opencontainers.image.ref.name" in one.annotations
  );
  index.manifests.forEach(edit);
  writeFileSync(path, JSON.stringify(index));
}

const strip = (entry: { annotations: Record<string, string> }) => {
  for (const key of Object.keys(entry.annotations)) {
    if (key.startsWith("dev.stowage.binding")) delete entry.annotations[key];
  }
};

test("a key is written once, for its owner alone, and its private half is never shown", () =>
  inFolder(async (cwd) => {
    const run = running(cwd);
    const made = await run("key", "generate", "--out", "k", "--json");
    assert.equal(made.code, 0, made.err);
    const { keyId, scheme, path } = made.json();
    assert.deepEqual([scheme, path], ["ecdsa-p256-sha256", "k.key"]);
    if (process.platform !== "win32") {
      assert.equal(statSync(join(cwd, "k.key")).mode & 0o777, 0o600);
    }
    const before = snapshot(cwd);
    const again = await run("key", "generate", "--out", "k");
    assert.equal(again.code, 4);
    assert.deepEqual(snapshot(cwd), before);
    assert.equal((await run("key", "generate", "--out", "k", "--force")).code, 0);
    assert.deepEqual(readdirSync(cwd).sort(), ["k.key", "k.pub"]);
    writeFileSync(join(cwd, "half.pub"), "of somebody");
    assert.equal((await run("key", "generate", "--out", "half")).code, 4);
    assert.equal(existsSync(join(cwd, "half.key")), false, "half a pair is none");
    mkdirSync(join(cwd, "taken.key"));
    const taken = await run("key", "generate", "--out", "taken", "--force");
    assert.equal(taken.code, 65, taken.err);
    assert.deepEqual(readdirSync(cwd).sort(), ["half.pub", "k.key", "k.pub", "taken.key"]);
    const shown = await run("key", "show", "k.key", "--json");
    assert.notEqual(shown.json()["keyId"], keyId);
    assert.doesNotMatch(shown.out, /PRIVATE/);
    const pem = await run("key", "show", "k.key", "--format", "pem");
    assert.equal(pem.out.trim(), readFileSync(join(cwd, "k.pub"), "utf8").trim());
    const plain = await run("key", "generate", "--from", "k.key", "--out", "p", "--unencrypted");
    assert.equal(plain.code, 0, plain.err);
    assert.equal(statSync(join(cwd, "p.key")).mode & 0o777, 0o600);
    const keys = await Promise.all(["p.key", "k.pub"].map((file) => run("key", "show", file)));
    assert.equal(new Set(keys.map(({ out }) => out)).size, 1);
  }));

test("the passphrase is a file's, STOWAGE_PASSWORD, COSIGN_PASSWORD, or there is none, and nobody waits", () =>
  inFolder(async (cwd) => {
    await running(cwd)("key", "generate", "--out", "k");
    const show = (env: Record<string, string>, ...more: string[]) =>
      running(cwd, env)("key", "show", "k.key", ...more);
    assert.equal((await show({ STOWAGE_PASSWORD: SECRET, COSIGN_PASSWORD: "x" })).code, 0);
    assert.equal((await show({ COSIGN_PASSWORD: SECRET })).code, 0);
    const wrong = await show({ STOWAGE_PASSWORD: "x", COSIGN_PASSWORD: SECRET });
    assert.equal(wrong.code, 65);
    assert.match(wrong.err, /the passphrase is wrong/);
    const none = await show({});
    assert.equal(none.code, 65);
    assert.match(none.err, /there is no passphrase/);
    assert.equal((await running(cwd, {})("key", "generate", "--out", "n")).code, 65);
    assert.equal(existsSync(join(cwd, "n.key")), false);
    writeFileSync(join(cwd, "pass"), `${SECRET}\n`);
    assert.equal((await show({ STOWAGE_PASSWORD: "x" }, "--passphrase-file", "pass")).code, 0);
    const empty = running(cwd, { COSIGN_PASSWORD: "" });
    assert.equal((await empty("key", "generate", "--out", "e")).code, 0);
    assert.match(readFileSync(join(cwd, "e.key"), "utf8"), /ENCRYPTED/);
    assert.equal((await empty("key", "show", "e.key")).code, 0);
    assert.equal((await running(cwd, {})("key", "show", "e.key")).code, 65);
    assert.equal((await empty("key", "show", "nowhere")).code, 64);
  }));

test("push, tag and copy sign; verify tells the check that failed by its exit code", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    const verify = (...args: string[]) => run("verify", ...args, "--key", "k.pub");
    assert.equal((await run("tag", "store:v1", "v2", ...SIGN)).code, 0);
    assert.equal((await run("copy", "--create", "store:v1", "twin:v3", ...SIGN)).code, 0);
    const good = await verify("store:v1", "store:v2", "twin:v3", "--scope", "team/app");
    assert.equal(good.code, 0, good.err);
    assert.match(good.err, /rollback not checked/);
    assert.deepEqual(good.lines.map((line) => line.split(/\s+/).slice(0, 2)), [
      ["ok", "v1"],
      ["ok", "v2"],
      ["ok", "v3"],
    ]);
    assert.equal((await run("copy", "store:v1", "twin")).code, 0);
    assert.equal((await verify("twin:v1")).code, 0, "a copy carries the signature");
    assert.equal((await run("tag", "store:v1", "plain")).code, 0);
    const failed = await verify("store:plain", "--json");
    assert.equal(failed.code, 46);
    const { results } = failed.json<{ results: Record<string, unknown>[] }>();
    assert.deepEqual([results[0]?.["ok"], results[0]?.["reason"], results[0]?.["exit"]], [
      false,
      "wrong_ref",
      46,
    ]);
    assert.equal((await verify("store:v1", "--scope", "elsewhere")).code, 48);
    assert.equal((await verify("store:v1", "--at", "2020-01-01T00:00:00Z")).code, 52);
    assert.equal((await verify("store:v1", "--threshold", "2")).code, 58);
    assert.equal((await verify("store:absent")).code, 2);
    assert.equal((await verify("store")).code, 64);
    assert.equal((await run("verify", "store:v1")).code, 64);
    assert.equal((await verify("--deep", "store:v1")).code, 0);
    tamper(join(cwd, "store"), strip);
    const unsigned = await verify("store:v1");
    assert.equal(unsigned.code, 40);
    assert.match(unsigned.out, /^FAIL {2}v1 {2}sha256:[0-9a-f]{64} {2}unsigned$/m);
  }));

test("what is stored already is signed where it is pushed, tagged or copied again", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    assert.equal((await run("push", "store:p", "file")).code, 0);
    assert.equal((await run("tag", "store:p", "t")).code, 0);
    assert.equal((await run("copy", "--create", "store:p", "twin:c")).code, 0);
    const again = [
      ["push", "store:p", "file"],
      ["tag", "store:p", "t"],
      ["copy", "store:p", "twin:c"],
    ];
    for (const args of again) assert.equal((await run(...args, ...SIGN)).code, 0);
    const verified = await run("verify", "store:p", "store:t", "twin:c", "--key", "k.pub");
    assert.equal(verified.code, 0, verified.out + verified.err);
  }));

test("under a policy pull, copy, cat and tag refuse before they write, each with the reason's code", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    await policyFile(cwd, run);
    const policy = ["--policy", "trust.json"];
    assert.equal((await run("pull", "store:v1", "-o", "out", ...policy)).code, 0);
    assert.equal((await run("cat", "store:v1", ...policy)).code, 0);
    tamper(join(cwd, "store"), strip);
    const before = snapshot(join(cwd, "store"));
    const refused = await run("pull", "store:v1", "-o", "none", ...policy);
    assert.equal(refused.code, 40, refused.err);
    assert.match(
      refused.err,
      /^stowage pull: Cannot use "v1": sign: It is not signed {2}\[unsigned\]$/m,
    );
    assert.equal(existsSync(join(cwd, "none")), false);
    const cat = await run("cat", "store:v1", ...policy);
    assert.deepEqual([cat.code, cat.out], [40, ""]);
    assert.equal((await run("tag", "store:v1", "v2", ...SIGN, ...policy)).code, 40);
    assert.equal((await run("init", "to")).code, 0);
    const empty = snapshot(join(cwd, "to"));
    for (const args of [["store:v1", "to"], ["--all", "store", "to"], ["store", "to"]]) {
      const copied = await run("copy", ...args, ...policy, "--json");
      assert.equal(copied.code, 40, copied.err);
      assert.equal(JSON.parse(copied.err).reason, "unsigned");
    }
    assert.deepEqual(snapshot(join(cwd, "to")), empty);
    assert.deepEqual(snapshot(join(cwd, "store")), before);
    assert.equal(
      (await run("pull", "store:v1", "-o", "free")).code,
      0,
      "without a policy all is read",
    );
    await policyFile(cwd, run, { extra: 1 });
    assert.equal((await run("cat", "store:v1", ...policy)).code, 58);
    writeFileSync(join(cwd, "trust.json"), "no JSON");
    assert.equal((await run("verify", "store:v1", ...policy)).code, 58);
    assert.equal((await run("cat", "store:v1", "--policy", "nowhere")).code, 64);
  }));

test("a state sees rollback and names that are gone, must lie outside, and is never reset", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    const index = join(cwd, "store/index.json");
    const old = readFileSync(index);
    writeFileSync(join(cwd, "file"), "hello again");
    assert.equal((await run("push", "store:v1", "file", ...SIGN)).code, 0);
    const seen = ["--key", "k.pub", "--scope", "team/app", "--state", "seen.json"];
    assert.equal((await run("verify", "store:v1", ...seen)).code, 0);
    const state = readFileSync(join(cwd, "seen.json"), "utf8");
    writeFileSync(index, old);
    assert.equal((await run("verify", "store:v1", ...seen)).code, 54);
    await policyFile(cwd, run);
    const policy = ["--policy", "trust.json", "--state", "seen.json"];
    assert.equal((await run("cat", "store:v1", ...policy)).code, 54);
    assert.equal((await run("untag", "store:v1")).code, 0);
    const gone = await run("verify", "--all", "store", ...seen);
    assert.equal(gone.code, 61, gone.out + gone.err);
    assert.equal(readFileSync(join(cwd, "seen.json"), "utf8"), state);
    writeFileSync(index, old);
    const inside = await run("verify", "store:v1", "--key", "k.pub", "--state", "store/seen.json");
    assert.equal(inside.code, 58);
    symlinkSync("store", join(cwd, "link"), "junction");
    for (const [place, state] of [["store", "link/seen.json"], ["link", "store/seen.json"]]) {
      const linked = ["--key", "k.pub", "--state", `${state}`];
      assert.equal((await run("verify", `${place}:v1`, ...linked)).code, 58);
    }
    assert.equal(existsSync(join(cwd, "store/seen.json")), false);
    const folder = await run("verify", "store:v1", "--key", "k.pub", "--state", "store");
    assert.match(folder.err, /^stowage verify: Cannot use the state "store": it is a folder/);
    writeFileSync(join(cwd, "seen.json"), "{}");
    assert.equal((await run("verify", "store:v1", ...seen)).code, 58);
    assert.equal(readFileSync(join(cwd, "seen.json"), "utf8"), "{}");
    const [layer] = (await run("inspect", "store:v1", "--json")).json<
      { manifest: { layers: { digest: string }[] } }
    >().manifest.layers;
    const blob = join(cwd, "store/blobs/sha256", layer?.digest.slice(7) ?? "");
    chmodSync(blob, 0o600);
    writeFileSync(blob, "HELLO");
    const deep = ["verify", "store:v1", "--deep", "--key", "k.pub", "--state", "new.json"];
    assert.equal((await run(...deep)).code, 57);
    assert.equal(existsSync(join(cwd, "new.json")), false, "what is damaged is not remembered");
  }));

test("flags that would do nothing are refused, and so are values, before anything is done", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    const before = snapshot(join(cwd, "store"));
    const vain = [
      ["push", "store:x", "file", "--scope", "s"],
      ["tag", "store:v1", "x", "--expires", "90d"],
      ["copy", "store:v1", "store:x", "--passphrase-file", "file"],
      ["pull", "store:v1", "-o", "out", "--state", "seen.json"],
      ["push", "store:x", "file", "--sign-key", "k.key"],
      ["push", "store", "file", ...SIGN],
      ["sign", "store:v1", "--repair", "--legacy"],
      ...["never", "0d", "2020-01-01T00:00:00Z"].map((
        when,
      ) => ["sign", "store:v1", ...SIGN, "--expires", when]),
    ];
    for (const args of vain) {
      const refused = await run(...args);
      assert.equal(refused.code, 64, `${args}: ${refused.err}`);
      assert.match(refused.err, /\[usage\]\n {2}next: {2}stowage help /);
    }
    assert.deepEqual(snapshot(join(cwd, "store")), before);
    assert.equal(existsSync(join(cwd, "out")), false);
    const kept = await run("sign", "store:v1", ...SIGN, "--expires", "90d");
    assert.equal(kept.code, 0, kept.err);
    assert.match(kept.err, /v1 is signed without an end already: only `stowage sign --renew`/);
    const nowhere = await run("verify", "store:v1", "--key", "nowhere");
    assert.match(
      nowhere.err,
      /^stowage verify: Cannot read the key "nowhere": there is no such file/,
    );
    const wrong = await run("tag", "store:v1", "x", "--sign-key", "k.pub", "--scope", "s");
    assert.match(wrong.err, /Cannot read the key "k.pub": it is a public key/);
  }));

test("two processes that sign different names at once lose nothing", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    const names = ["a", "b", "c", "d"];
    const runs = await Promise.all(names.map((name) => run("tag", "store:v1", name, ...SIGN)));
    for (const { code, err } of runs) assert.equal(code, 0, err);
    const all = await run("verify", "--all", "store", "--key", "k.pub");
    assert.equal(all.code, 0, all.out + all.err);
    assert.equal(all.lines.length, 5);
  }));

test("sign does nothing twice, counts on, repairs without a key, and takes no digest", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    const index = () => readFileSync(join(cwd, "store/index.json"), "utf8");
    const before = index();
    const same = await run("sign", "store:v1", ...SIGN);
    assert.equal(same.code, 0, same.err);
    assert.equal(index(), before);
    const renewed = await run("sign", "store:v1", ...SIGN, "--renew", "--expires", "30d", "--json");
    const [one] = renewed.json<{ signed: Record<string, unknown>[] }>().signed;
    assert.deepEqual([one?.["sequence"], one?.["name"]], [2, "v1"]);
    const whole = JSON.parse(index());
    whole.manifests.forEach(strip);
    writeFileSync(join(cwd, "store/index.json"), JSON.stringify(whole));
    const repaired = await run("sign", "--repair", "store");
    assert.equal(repaired.code, 0, repaired.err);
    assert.match(repaired.out, /store:v1@sha256:[0-9a-f]{64} {2}2\n/);
    assert.equal((await run("verify", "store:v1", "--key", "k.pub")).code, 0);
    const mended = index();
    assert.equal((await run("sign", "--repair", "store:v1")).code, 0);
    assert.equal(index(), mended);
    assert.equal((await run("sign", "store:v1")).code, 64);
    assert.equal((await run("sign", `store@sha256:${"0".repeat(64)}`, ...SIGN)).code, 64);
    assert.equal((await run("sign", "store:v1", "--sign-key", "k.key")).code, 64);
    assert.equal(
      (await run("tag", "store:v1", "v9", "--sign-key", "k.pub", "--scope", "s")).code,
      65,
    );
  }));

test("export writes one name and its signatures alone, into an empty folder, by what a policy accepts", () =>
  inFolder(async (cwd) => {
    const run = await signedStore(cwd);
    assert.equal((await run("tag", "store:v1", "v2", ...SIGN)).code, 0);
    assert.equal((await run("sign", "store:v1", "store:v2", ...SIGN, "--legacy")).code, 0);
    const done = await run("export", "--cosign", "store:v1", "out", "--json");
    assert.equal(done.code, 0, done.err);
    assert.deepEqual([done.json()["bundles"], done.json()["legacy"]], [1, 1]);
    const { manifests } = JSON.parse(readFileSync(join(cwd, "out/index.json"), "utf8"));
    const kinds = manifests.map((one: { annotations: Record<string, string> }) =>
      one.annotations["kind"]
    );
    assert.deepEqual(kinds.filter(Boolean), [
      "dev.cosignproject.cosign/image",
      "dev.cosignproject.cosign/sigs",
    ]);
    assert.equal(manifests.length, 3);
    assert.equal((await run("verify", "out:v1", "--key", "k.pub")).code, 0);
    assert.equal((await run("export", "--cosign", "store:v1", "out")).code, 4);
    assert.equal((await run("export", "store:v1", "more")).code, 64);
    await policyFile(cwd, run, { scope: "elsewhere" });
    const refused = await run("export", "--cosign", "store:v1", "no", "--policy", "trust.json");
    assert.equal(refused.code, 48);
    assert.equal(existsSync(join(cwd, "no")), false);
    assert.equal((await run("export", "--cosign", "store:v1", "out.tar")).code, 64);
    mkdirSync(join(cwd, "made"));
    assert.equal((await run("export", "--cosign", "store:v1", "made")).code, 0);
  }));
