import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError } from "../../../core/basics.ts";
import { readFlags } from "../../../plugins/commands/flags.ts";
import { fc } from "../../fast_check.ts";

const D = `sha256:${"0".repeat(64)}`;
const table = {
  output: { type: "text", short: "o", help: "" },
  range: { type: "text", help: "" },
  name: { type: "text", many: true, help: "" },
  jobs: { type: "count", short: "j", help: "", default: "4", env: "JOBS" },
  size: { type: "size", help: "" },
  rate: { type: "rate", help: "" },
  wait: { type: "duration", help: "" },
  expect: { type: "digest", values: ["none"], help: "" },
  platform: { type: "platform", help: "" },
  mode: { type: "text", values: ["fast", "slow"], help: "" },
  "dry-run": { type: "switch", short: "n", help: "" },
  resume: { type: "switch", default: "true", help: "" },
  verbose: { type: "switch", short: "v", many: true, help: "" },
  "no-layers": { type: "switch", help: "" },
  "no-hook": { type: "text", many: true, help: "" },
} as const;

const read = (...argv: string[]) => readFlags(table, argv);

function complaint(...argv: string[]): string {
  try {
    read(...argv);
  } catch (error) {
    if (isOciError(error, "invalid") && error.reason === "usage") return error.message;
    throw error;
  }
  assert.fail(`${argv.join(" ")} was read`);
}

describe("arguments mean what was typed", () => {
  it("numbers and empty words among the positionals stay text", () => {
    assert.deepEqual(read("1.10", "007", "-", "", "1e3").positionals, [
      "1.10",
      "007",
      "-",
      "",
      "1e3",
    ]);
    assert.equal(read("--output", "1.10").flags.output, "1.10");
  });
  it("flags and arguments mix, -- ends flags", () => {
    const { positionals, flags } = read("a", "-n", "b", "--", "--range", "-x");
    assert.deepEqual(positionals, ["a", "b", "--range", "-x"]);
    assert.equal(flags["dry-run"], true);
    assert.equal(flags.range, undefined);
  });
  it("a value may be a dash, begin with one after =, and hold =", () => {
    assert.equal(read("-o", "-").flags.output, "-");
    assert.equal(read("--output", "-").flags.output, "-");
    assert.equal(read("--range=-100").flags.range, "-100");
    assert.equal(read("--output=a=b").flags.output, "a=b");
  });
  it("switches go together and are counted where they may repeat", () => {
    const { flags } = read("-vnv");
    assert.equal(flags.verbose, 2);
    assert.equal(flags["dry-run"], true);
  });
  it("--no- ends what holds by default, and begins names of its own", () => {
    assert.equal(read().flags.resume, true);
    assert.equal(read("--no-resume").flags.resume, false);
    assert.equal(read("--no-layers").flags["no-layers"], true);
    assert.deepEqual(read("--no-hook=a", "--no-hook", "b").flags["no-hook"], ["a", "b"]);
  });
  it("repeatable flags keep their order", () => {
    assert.deepEqual(read("--name", "b", "--name=a").flags.name, ["b", "a"]);
    assert.deepEqual(read().flags.name, []);
  });
});

describe("values are converted by the table", () => {
  const rows: readonly [keyof typeof table, string, unknown][] = [
    ["size", "512KiB", 524288],
    ["size", "20GiB", 21474836480],
    ["size", "1GB", 1e9],
    ["size", "1.5KiB", 1536],
    ["size", "17", 17],
    ["rate", "20MiB/s", 20971520],
    ["wait", "90s", 90_000],
    ["wait", "15m", 900_000],
    ["wait", "24h", 86_400_000],
    ["wait", "14d", 1_209_600_000],
    ["wait", "0", 0],
    ["jobs", "8", 8],
    ["expect", D, D],
    ["expect", "none", "none"],
    ["platform", "linux/arm/v7", "linux/arm/v7"],
    ["mode", "slow", "slow"],
  ];
  for (const [name, text, value] of rows) {
    it(`--${name} ${text}`, () => assert.equal(read(`--${name}`, text).flags[name], value));
  }
  it("the environment comes after what was typed, settings after it, the default last", () => {
    const env = (name: string) => name === "JOBS" ? "6" : undefined;
    const settings = { jobs: "5" };
    assert.equal(readFlags(table, ["-j", "7"], { env, settings }).flags.jobs, 7);
    assert.equal(readFlags(table, [], { env, settings }).flags.jobs, 6);
    assert.equal(readFlags(table, [], { settings }).flags.jobs, 5);
    assert.equal(readFlags(table, []).flags.jobs, 4);
  });
  it("a bad value is blamed on where it came from", () => {
    assert.throws(() => readFlags(table, [], { env: () => "x" }), { message: /JOBS "x"/ });
    assert.throws(() => readFlags(table, [], { settings: { jobs: "x" } }), {
      message: /"jobs" of the settings "x"/,
    });
  });
});

describe("what cannot be meant is a usage error that shows the right form", () => {
  const rows: readonly [string[], RegExp][] = [
    [["--jobs"], /"--jobs": its value is missing/],
    [["--jobs="], /value is missing/],
    [["--jobs", ""], /value is missing/],
    [["--range", "-100"], /write "--range=-100"/],
    [["-odir"], /write "-o dir"/],
    [["-j4"], /write "-j 4"/],
    [["-no"], /only switches go together/],
    [["--jobs", "1", "-j", "2"], /twice/],
    [["--dry-run", "-n"], /twice/],
    [["--dry-run", "true"], /"\.\/true"/],
    [["--dry-run=yes"], /it takes none/],
    [["--no-dry-run"], /leave "--dry-run" out/],
    [["--ouptut", "x"], /"--ouptut": no such flag; did you mean "--output"\?/],
    [["--no-resmue"], /did you mean "--no-resume"\?/],
    [["-x"], /"-x": no such flag/],
    [["--__proto__=1"], /no such flag/],
    [["--constructor"], /no such flag/],
    [["--jobs", "0"], /from 1/],
    [["--jobs", "1.5"], /whole number/],
    [["--size", "3XB"], /512KiB/],
    [["--size", "99999999TiB"], /512KiB/],
    [["--wait", "15"], /15m/],
    [["--rate", "0"], /bytes a second/],
    [["--expect", "sha256:abc"], /digest .* or "none"/],
    [["--platform", "linux"], /os\/arch/],
    [["--mode", "fst"], /"fast" or "slow"/],
  ];
  for (const [argv, message] of rows) {
    it(argv.join(" "), () => assert.match(complaint(...argv), message));
  }
});

it("whatever is typed is read or is a usage error", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom(
      ...Object.keys(table).map((name) => `--${name}`),
      "-o",
      "-nv",
      "--",
      "-",
      "=",
      "true",
    ),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
    try {
      const { positionals } = readFlags(table, argv);
      assert.ok(positionals.every((one) => argv.includes(one)));
    } catch (error) {
      assert.ok(isOciError(error, "invalid") && error.reason === "usage", String(error));
    }
  }));
});
