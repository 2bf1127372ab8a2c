// What deploy/ holds for schedulers: each file is read by what reads it there, and its command is run, without a write.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { commonFlags } from "../../plugins/commands/common.ts";
import { readFlags } from "../../plugins/commands/flags.ts";
import { cronTimes } from "../../plugins/gc/cron.ts";
import { gcFlags } from "../../plugins/gc/flags.ts";
import type { Report } from "../../plugins/gc/report.ts";
import { parsePolicy } from "../../plugins/gc/policy.ts";
import { scheduleOf } from "../../plugins/gc/schedule.ts";
import { unless } from "../skip.ts";
import { parseYaml } from "../yaml.ts";
import { openFolder, snapshot } from "./layout.ts";
import { ended, inFolder, kill, start } from "./stowage.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const units = readdirSync(join(root, "deploy/systemd"));

/** The words of a command line, of which none is quoted here. */
function wordsOf(line: string): string[] {
  assert.doesNotMatch(line, /['"\\]/);
  return line.trim().split(/\s+/);
}

/** A machine that has the files a command line names. */
async function machine(folder: string): Promise<(args: readonly string[]) => string[]> {
  await (await openFolder(join(folder, "store")))[Symbol.asyncDispose]();
  const settings = { schema: "stowage.settings/1", places: { prod: join(folder, "store") } };
  writeFileSync(join(folder, "settings.json"), JSON.stringify(settings));
  const policy = JSON.stringify({ schema: "stowage.retention/1", rules: [{ refs: ["pr-*"] }] });
  for (const name of ["prod", "retention"]) writeFileSync(join(folder, `${name}.json`), policy);
  return (args) =>
    args.map((arg) =>
      arg.replaceAll("%i", "prod").replace(
        /^\/(?:var\/lib\/stowage|var\/lib\/node_exporter|etc\/stowage|rules|(?=store$))\/?/,
        `${folder}/`,
      )
    );
}

/** Runs what would be run there, on a layout of a test, and sees that nothing is written. */
async function rehearses(line: readonly string[]): Promise<void> {
  const [program, ...args] = line;
  assert.equal(program, "/usr/bin/stowage");
  await inFolder(async (folder) => {
    const here = (await machine(folder))(args);
    const before = snapshot(folder);
    const child = start([...here, "--dry-run"], { cwd: folder });
    const stays = here.includes("--every");
    if (stays) child.stdout?.once("data", () => kill(child, "SIGTERM"));
    const run = await ended(child);
    assert.equal(run.code, 0, `${here.join(" ")}: ${run.err}`);
    assert.deepEqual(snapshot(folder), before);
    if (here.includes("--json")) {
      assert.deepEqual([run.json<Report>().mode, run.json<Report>().refs.kept], ["dry-run", 0]);
    } else assert.equal(run.out, "");
  });
}

const analyze = spawnSync("systemd-analyze", ["--version"], { stdio: "ignore" }).status === 0;

describe("for systemd", () => {
  it(
    "its own judge has nothing against the units",
    unless(!analyze && "systemd is not here"),
    () =>
      inFolder((folder) => {
        for (const unit of units) {
          const text = read(`deploy/systemd/${unit}`).replaceAll("/usr/bin/stowage", "/bin/true");
          writeFileSync(join(folder, unit), text);
        }
        const paths = units.map((unit) => join(folder, unit));
        const { status, stdout, stderr } = spawnSync(
          "systemd-analyze",
          ["verify", "--man=no", ...paths],
          { encoding: "utf8" },
        );
        assert.deepEqual([status, stdout, stderr], [0, "", ""]);
        return Promise.resolve();
      }),
  );

  for (const unit of units.filter((name) => name.endsWith(".service"))) {
    it(`${unit} starts what the program takes`, async () => {
      const [, line = ""] = /^ExecStart=(.*)$/m.exec(read(`deploy/systemd/${unit}`)) ?? [];
      await rehearses(wordsOf(line));
    });
  }
});

describe("for cron", () => {
  const lines = read("deploy/cron/stowage-gc").split("\n").filter((line) => /^[\d*]/.test(line));

  it("its line says a time, a user, and what the program takes", async () => {
    assert.equal(lines.length, 1);
    const [minute, hour, day, month, weekday, user, ...command] = wordsOf(lines[0] ?? "");
    const times = cronTimes([minute, hour, day, month, weekday].join(" "), "UTC");
    assert.equal(times(Date.UTC(2026, 0, 1)), Date.UTC(2026, 0, 1, 3, 30));
    assert.equal(user, "stowage");
    await rehearses(command.slice(0, command.indexOf(">>")));
  });
});

describe("for Kubernetes", () => {
  interface Rules {
    readonly kind: "ConfigMap";
    readonly data: { readonly "retention.json": string };
  }
  interface Job {
    readonly kind: "CronJob";
    readonly spec: {
      readonly schedule: string;
      readonly timeZone: string;
      readonly concurrencyPolicy: string;
      readonly jobTemplate: { readonly spec: JobSpec };
    };
  }
  interface JobSpec {
    readonly podFailurePolicy: {
      readonly rules: readonly { readonly onExitCodes: { readonly values: readonly number[] } }[];
    };
    readonly template: {
      readonly spec: {
        readonly restartPolicy: string;
        readonly containers: readonly {
          readonly command: readonly string[];
          readonly args: readonly string[];
          readonly volumeMounts: readonly { readonly name: string }[];
        }[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  }
  const [rules, job] = parseYaml(read("deploy/kubernetes/gc.yaml")) as [Rules, Job];

  it("the rules are a policy, and the job comes each night, one at a time", () => {
    assert.deepEqual([rules.kind, job.kind], ["ConfigMap", "CronJob"]);
    assert.equal(parsePolicy(rules.data["retention.json"]).rules.length, 3);
    const { schedule, timeZone, concurrencyPolicy } = job.spec;
    const times = cronTimes(schedule, timeZone);
    assert.equal(times(Date.UTC(2026, 0, 1)), Date.UTC(2026, 0, 1, 3, 30));
    assert.equal(concurrencyPolicy, "Forbid");
  });

  it("the container runs what the program takes, on the volumes it is given", async () => {
    const { template, podFailurePolicy } = job.spec.jobTemplate.spec;
    const [container] = template.spec.containers;
    assert.ok(container);
    assert.deepEqual(
      container.volumeMounts.map(({ name }) => name),
      template.spec.volumes.map(({ name }) => name),
    );
    // Kubernetes takes a failure policy only with pods that are not started again.
    assert.equal(template.spec.restartPolicy, "Never");
    assert.deepEqual(podFailurePolicy.rules[0]?.onExitCodes.values, [3, 5, 64, 65]);
    await rehearses([...container.command, ...container.args]);
  });
});

describe("the README", () => {
  const readme = read("README.md");

  it("shows a policy that is one", () => {
    const shown = [...readme.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = ""]) => text)
      .filter((text) => text.includes("stowage.retention/1"));
    assert.ok(shown.length > 0);
    for (const text of shown) parsePolicy(text);
  });

  it("shows schedules that the program takes", async () => {
    const lines = readme.split("\n").filter((line) => /^stowage gc .*--(every|cron)/.test(line));
    assert.ok(lines.length > 1);
    for (const line of lines) {
      const [words = ""] = line.split(" #");
      const args = (words.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""));
      const { flags, positionals } = readFlags({ ...commonFlags, ...gcFlags }, args.slice(2));
      assert.deepEqual(positionals, ["./cache"]);
      assert.ok(await scheduleOf(flags, { random: () => 0 }), line);
    }
  });
});
