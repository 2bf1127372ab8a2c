// The rules of the layers, as far as a reader of imports can tell:
//
//   cli.ts -> mod.ts -> plugins/mod.ts -> plugins/*/mod.ts -> core/mod.ts -> core/*
//
// downwards only; a plugin never another plugin; each package one door with an exact version; time, chance and the
// runtime's own global only where they belong.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, normalize } from "node:path/posix";
import process from "node:process";

const CLOCK = "core/clock.ts";
/** Locks of the kernel have no door in node: the one file that asks each runtime for its own. */
const RUNTIME = "core/local/flock.ts";
/** Where the version stands. */
const VERSION = "deno.json";
/** What core offers to the outside: everything, and what needs no layout. */
const CORE_DOORS = ["core/mod.ts", "core/basics.ts"];

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(path);
    return path.endsWith(".ts") && !path.endsWith(".d.ts") ? [path] : [];
  });
}

/** Every module a file names: statically, in a literal `import()`, or for its types. */
function importsOf(text: string): string[] {
  const code = text.replace(/^\s*(\*|\/\/).*$/gm, "");
  const patterns = [
    /^(?:import|export)\b[^;"']*?\bfrom\s+["']([^"']+)["']/gm,
    /^import\s+["']([^"']+)["']/gm,
    /\bimport\(\s*["']([^"']+)["']/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ""));
}

/** What is wrong with an import between files of this repository. */
function wrongWay(from: string, to: string): string | undefined {
  const [layer, plugin] = from.split("/");
  const inside = (folder: string) => to.startsWith(`${folder}/`);
  if (layer === "core") return inside("core") ? undefined : "core imports only core";
  if (from === "cli.ts") {
    const legal = to === "mod.ts" || to === "plugins/mod.ts" || inside("plugins/commands") ||
      CORE_DOORS.includes(to);
    return legal ? undefined : "cli.ts imports mod.ts and the command line";
  }
  if (from === "mod.ts") {
    return to === "plugins/mod.ts" || to === "core/mod.ts"
      ? undefined
      : "mod.ts imports plugins/mod.ts and core/mod.ts";
  }
  if (from === "plugins/mod.ts") {
    const legal = /^plugins\/[^/]+\/mod\.ts$/.test(to) || CORE_DOORS.includes(to);
    return legal ? undefined : "plugins/mod.ts imports the doors of plugins";
  }
  if (inside(`plugins/${plugin}`) || CORE_DOORS.includes(to) || to === VERSION) return undefined;
  return "a plugin imports its own folder, core/mod.ts and core/basics.ts";
}

const complaints: string[] = [];
const doors = new Map<string, Set<string>>();
const files = ["cli.ts", "mod.ts", ...sources("core"), ...sources("plugins")];
for (const file of files) {
  const text = readFileSync(file, "utf8");
  const complain = (what: string) => complaints.push(`${file}: ${what}`);
  for (const name of importsOf(text)) {
    if (name.startsWith(".")) {
      const wrong = wrongWay(file, normalize(`${dirname(file)}/${name}`));
      if (wrong) complain(`imports "${name}", but ${wrong}`);
    } else if (name.startsWith("npm:")) {
      const [, pack = "", version = ""] = /^npm:((?:@[^/]+\/)?[^@/]+)@?([^/]*)/.exec(name) ?? [];
      const door = `${pack}${
        name.includes("/cli/") ? "/cli" : name.includes("/crypto/") ? "/crypto" : ""
      }`;
      doors.set(door, (doors.get(door) ?? new Set()).add(file));
      if (!/^\d+\.\d+\.\d+$/.test(version)) complain(`imports "${name}" without an exact version`);
    } else if (!name.startsWith("node:") && name !== "bun:ffi") complain(`imports "${name}"`);
  }
  const code = text.replace(/^\s*(\*|\/\/|\/\*).*$/gm, "");
  if (
    file !== CLOCK &&
    /\b(Date\.now|new Date\(\)|setTimeout|setInterval|Math\.random|performance\.now)\b/.test(code)
  ) {
    complain("reads time or chance other than by core/clock.ts");
  }
  if (file !== RUNTIME && /\b(Deno|Bun)\.[a-z]/.test(code)) complain("names a runtime's global");
  if (
    !/^(core\/(basics|mod)|plugins\/mod|mod|cli)\.ts$/.test(file) && !/^[a-z0-9_/]+\.ts$/.test(file)
  ) {
    complain("is not named in snake_case");
  }
}
for (const [pack, by] of doors) {
  if (by.size > 1) complaints.push(`${pack} has more than one door: ${[...by].join(", ")}`);
}
for (const complaint of complaints) console.error(complaint);
console.log(`layers: ${files.length} files, ${doors.size} doors, ${complaints.length} complaints`);
process.exitCode = complaints.length > 0 ? 1 : 0;
