import assert from "node:assert/strict";
import { it } from "node:test";
import type { FlagSpec } from "../../../core/basics.ts";
import { commandsPlugin } from "../../../plugins/commands/mod.ts";
import { commonFlags } from "../../../plugins/commands/common.ts";
import { EXITS, run } from "./fake_host.ts";

const commands = commandsPlugin.commands ?? [];

it("the overview names every command", async () => {
  const { code, out } = await run(commands, ["help"]);
  assert.equal(code, 0);
  for (const { name, summary } of commands) {
    assert.match(out, new RegExp(`^ {2}${name} +${summary}$`, "m"));
  }
});

for (const command of commands) {
  it(`help ${command.name} tells usage, every flag and examples that are its own`, async () => {
    const { flags, examples, usage, positionals } = await command.load();
    const { code, out } = await run(commands, ["help", command.name]);
    assert.equal(code, 0);
    assert.ok(out.includes(`Usage: stowage ${command.name} [FLAG]… ${usage}`.trimEnd()));
    for (const [name, spec] of Object.entries<FlagSpec>({ ...commonFlags, ...flags })) {
      assert.match(out, new RegExp(`--(no-)?${name}\\b`));
      assert.ok(spec.help !== "" && !spec.help.endsWith("."), name);
    }
    assert.ok(examples.length > 0);
    const words = [command.name, ...command.aliases ?? []].join("|");
    for (const example of examples) assert.match(example, new RegExp(`stowage (${words})\\b`));
    assert.ok(positionals[0] <= positionals[1]);
    const asked = await run(commands, [command.name, "-h", "--bogus"]);
    assert.deepEqual([asked.code, asked.out, asked.err], [0, out, []]);
  });
}

it("no flag of a command hides one of all commands, in name or letter", async () => {
  for (const command of commands) {
    const letters = new Set<string>();
    for (const [name, { short }] of Object.entries((await command.load()).flags)) {
      assert.ok(!Object.hasOwn(commonFlags, name), `${command.name} --${name}`);
      if (short === undefined) continue;
      assert.ok(
        !letters.has(short) && !["q", "v", "h"].includes(short),
        `${command.name} -${short}`,
      );
      letters.add(short);
    }
  }
});

it("help for a stranger is a usage error", async () => {
  assert.equal((await run(commands, ["help", "lsit"])).code, EXITS.usage);
});
