// A program of a third party: the commands of Stowage, and a place that is far away. `far:///PATH` is a directory whose
// bytes have to pass through here, as those of a bucket.
import process from "node:process";
import { main } from "../../cli.ts";
import { type Backend, createRegistry, type OpenBackend, type Plugin } from "../../core/mod.ts";
import { builtins } from "../../mod.ts";
import { openDirectory } from "../../plugins/dir/open.ts";

const open: OpenBackend = async (url, options): Promise<Backend> => {
  const near = new URL(url.href.replace(/^far:/, "dir:"));
  return { ...await openDirectory(near, options), url };
};

const far: Plugin = { name: "far", backends: { far: open } };
process.exitCode = await main(createRegistry([...builtins, far]));
