import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../scripts/check_layers.ts", import.meta.url));
const run = process.versions["deno"] ? ["run", "-A", script] : [script];
const SOUND = {
  "cli.ts": 'import "./plugins/mod.ts";\n',
  "mod.ts": 'export { a } from "./core/mod.ts";\n',
  "core/mod.ts": 'export { a } from "./a.ts";\n',
  "core/a.ts":
    'import * as z from "npm:zod@4.6.7";\n// Date.now() is not read\nexport const a = z;\n',
  "plugins/mod.ts": 'export { b } from "./b/mod.ts";\n',
  "plugins/b/mod.ts": 'export { a as b } from "../../core/mod.ts";\n',
};

/** What the checker says of a tree that is sound save for these files. */
function check(planted: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "stowage-layers-"));
  try {
    for (const [path, text] of Object.entries({ ...SOUND, ...planted })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const { status, stderr } = spawnSync(process.execPath, run, { cwd: folder, encoding: "utf8" });
    return { status, stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it("a sound tree has no complaints", () => {
  assert.deepEqual(check({}), { status: 0, stderr: "" });
});

describe("a planted offence is named with its file", () => {
  const rows: readonly [string, string, RegExp][] = [
    ["core/c.ts", 'import "../plugins/b/mod.ts";\n', /core imports only core/],
    ["plugins/c/x.ts", 'import "../b/mod.ts";\n', /a plugin imports its own folder/],
    [
      "plugins/c/x.ts",
      'import {\n  a,\n} from "../../core/a.ts";\n',
      /a plugin imports its own folder/,
    ],
    [
      "plugins/c/x.ts",
      'const x = await import("../b/mod.ts");\n',
      /a plugin imports its own folder/,
    ],
    ["core/c.ts", 'export type { Z } from "npm:zod@4.6.7";\n', /zod has more than one door/],
    ["core/c.ts", 'import x from "npm:left-pad@^1.0.0";\n', /without an exact version/],
    ["core/c.ts", 'import x from "npm:left-pad";\n', /without an exact version/],
    ["core/c.ts", 'import x from "left-pad";\n', /imports "left-pad"/],
    ["core/c.ts", "export const t = Date.now();\n", /time or chance/],
    ["plugins/c/x.ts", "setTimeout(() => {}, 1);\n", /time or chance/],
    ["plugins/c/x.ts", "export const n = Math.random();\n", /time or chance/],
    ["core/c.ts", "export const d = Deno.args;\n", /runtime's global/],
    ["core/camelCase.ts", "export {};\n", /snake_case/],
  ];
  for (const [path, text, message] of rows) {
    it(text.trim(), () => {
      const { status, stderr } = check({ [path]: text });
      assert.equal(status, 1);
      assert.match(stderr, message);
      assert.ok(stderr.includes(path), stderr);
    });
  }
});
