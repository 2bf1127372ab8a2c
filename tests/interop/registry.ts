// A registry on loopback, for tools that can make or read a layout only through one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Runs `body` beside a registry whose data lie in `folder`. */
export async function withRegistry(
  folder: string,
  body: (registry: string) => void | Promise<void>,
): Promise<void> {
  const registry = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "registry.yml");
  const lines = [
    "version: 0.1",
    "storage:",
    "  filesystem:",
    `    rootdirectory: ${join(folder, "registry")}`,
    "http:",
    `  addr: ${registry}`,
  ];
  await writeFile(config, lines.join("\n") + "\n");
  const server = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  try {
    for (let tries = 0; !await answers(`http://${registry}/v2/`); tries++) {
      if (tries > 100) throw new Error("docker-registry does not answer");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await body(registry);
  } finally {
    server.kill("SIGTERM");
    await once(server, "close");
  }
}
