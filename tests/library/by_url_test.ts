// The library as its users have it: imported by URL into a folder without a configuration, and from source by Bun.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { finished, runtimes, startProgram } from "../runtimes.ts";
import { unless } from "../skip.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A program that opens a layout, pushes, and resolves what it pushed. */
const program = (library: string) => `
import { openLayout } from "${library}";

await using store = await openLayout("./store", { mode: "create" });
const bytes = new TextEncoder().encode("hello");
const { descriptor } = await store.push({ mediaType: "text/plain" }, bytes);
await store.tag(descriptor, "greeting");
const found = await store.resolve("greeting");
console.log(found.digest, new TextDecoder().decode(await store.fetchAll("greeting")));
`;

const HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 hello";

/** Runs a program in an empty folder. */
async function inEmptyFolder(name: "deno" | "bun", text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "stowage-library-"));
  try {
    await writeFile(join(folder, "main.ts"), text);
    const runtime = runtimes.find((one) => one.name === name);
    assert.ok(runtime);
    const child = startProgram(runtime, pathToFileURL(join(folder, "main.ts")), [], folder);
    const { code, out } = await finished(child);
    assert.equal(code, 0);
    return out.trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function without(name: "deno" | "bun"): { skip?: string } {
  return unless(!runtimes.some((one) => one.name === name) && `${name} cannot be had here`);
}

test(
  "a Deno program without configuration imports mod.ts by URL, pushes and resolves",
  without("deno"),
  async () => {
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://localhost").pathname;
      readFile(join(root, path)).then(
        (bytes) => response.writeHead(200, { "content-type": "application/typescript" }).end(bytes),
        () => response.writeHead(404).end(),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const address = server.address();
      assert.ok(address !== null && typeof address === "object");
      const library = `http://127.0.0.1:${address.port}/mod.ts`;
      assert.equal(await inEmptyFolder("deno", program(library)), HELLO);
    } finally {
      server.close();
    }
  },
);

test("a Bun program imports mod.ts from source, pushes and resolves", without("bun"), async () => {
  assert.equal(await inEmptyFolder("bun", program(join(root, "mod.ts"))), HELLO);
});
