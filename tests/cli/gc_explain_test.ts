import assert from "node:assert/strict";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { imageOf, pushAll } from "../images.ts";
import { blobPath, openFolder } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";

test("explain says of each name and digest which rule keeps it or drops it, and when it goes", () =>
  inFolder(async (cwd) => {
    const store = join(cwd, "store");
    const images = Object.fromEntries(
      ["main", "v1.2.0", "v0.9.0", "pr-1", "pr-2", "tmp", "bare", "loose"]
        .map((name) => [name, imageOf(name)] as const),
    );
    const image = (name: string) => images[name] ?? imageOf(name);
    const sbom = imageOf("sbom", { subject: image("main").descriptor, artifactType: "a/sbom" });
    const orphan = imageOf("orphan", { subject: imageOf("away").descriptor });
    {
      await using layout = await openFolder(store);
      for (const name of Object.keys(images)) {
        const { config, layer } = image(name);
        await pushAll(layout, config, layer, image(name));
      }
      for (const one of [sbom, orphan]) {
        await pushAll(layout, one.config, one.layer, one);
        await layout.pushManifest(one.bytes);
      }
      for (const name of ["main", "v1.2.0", "v0.9.0", "pr-1", "pr-2", "tmp"]) {
        await layout.tag(image(name).descriptor, name);
      }
      await layout.tag(image("main").descriptor, "also");
      await layout.transaction((tx) => void tx.insert(image("bare").descriptor));
    }
    const policy = {
      schema: "stowage.retention/1",
      untagged: "7d",
      orphanReferrers: "30d",
      rules: [
        { refs: ["main"], keep: "always" },
        { refs: ["v*"], keepSemver: ">=1" },
        { refs: ["pr-*"], keepLast: 1, maxAge: "14d" },
        { refs: ["tmp*"] },
      ],
    };
    writeFileSync(join(cwd, "r.json"), JSON.stringify(policy));
    const ago = Date.now() / 1000 - 7200;
    const old = image("loose").layer.descriptor.digest;
    utimesSync(blobPath(store, old), ago, ago);

    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    const hex = "sha256:[0-9a-f]{64}";
    const digestOf = (name: string) => `@${image(name).descriptor.digest}`;
    const rows: readonly [string, string][] = [
      [":main", "keep  main  rule 1 \\(main\\)  always kept\n"],
      [":also", "keep  also  rule none  no rule names it\n"],
      [":v1.2.0", "keep  v1\\.2\\.0  rule 2 \\(v\\*\\)  version in >=1\n"],
      [
        ":v0.9.0",
        "drop  v0\\.9\\.0  rule 2 \\(v\\*\\)  version not in >=1\ngoes  with the next run\n",
      ],
      [":pr-2", "keep  pr-2  rule 3 \\(pr-\\*\\)  among the newest 1\n"],
      [":pr-1", `keep  pr-1  rule 3 \\(pr-\\*\\)  younger than 14d\ngoes  ${time}\n`],
      [":tmp", "drop  tmp  rule 4 \\(tmp\\*\\)  the rule keeps none\ngoes  with the next run\n"],
      [
        digestOf("bare"),
        `keep  ${hex}  rule untagged  without a name, younger than 7d\ngoes  ${time}\n`,
      ],
      [`@${sbom.descriptor.digest}`, `keep  ${hex}  rule referrer  lives and dies with ${hex}\n`],
      [
        `@${orphan.descriptor.digest}`,
        `keep  ${hex}  rule orphanReferrers  its subject is not stored, younger than 30d\ngoes  ${time}\n`,
      ],
      [
        `@${image("main").layer.descriptor.digest}`,
        `keep  ${hex}  rule reachable  needed by main, also\n`,
      ],
      [`@${old}`, `drop  ${hex}  rule unreachable  nothing reaches it\ngoes  with the next run\n`],
      [
        digestOf("loose"),
        `drop  ${hex}  rule grace  nothing reaches it, but it is young\ngoes  ${time}\n`,
      ],
    ];
    const asked = ["--retention", "r.json"];
    for (const [reference, wanted] of rows) {
      const run = await stowage(["gc", "explain", `./store${reference}`, ...asked], { cwd });
      assert.equal(run.code, 0, `${reference}: ${run.err}`);
      assert.match(run.out, new RegExp(`^${wanted}$`), reference);
    }
    const json = await stowage(["gc", "explain", "./store:pr-1", ...asked, "--json"], { cwd });
    const { keep, rule, goes } = json.json<{ keep: boolean; rule: string; goes: string }>();
    assert.deepEqual([keep, rule], [true, "3"]);
    const days = (Date.parse(goes) - Date.now()) / 86_400_000;
    assert.ok(days > 13.9 && days <= 14, goes);
    const small = await stowage(
      ["gc", "explain", "./store:pr-1", ...asked, "--max-size", "100B"],
      { cwd },
    );
    assert.match(small.out, /^drop {2}pr-1 .* over 100 B in all\n/);
    const none = await stowage(["gc", "explain", "./store:nope"], { cwd });
    assert.equal(none.code, 2);
    assert.match(none.err, /no such reference .*\n {2}next: {2}stowage list '.*store'\n/);
    const place = await stowage(["gc", "explain", "./store"], { cwd });
    assert.equal(place.code, 64);
  }));
