import process from "node:process";
import { type Backend, type BackendOptions, OciError, usageError } from "../../core/mod.ts";

/** Opens `tar:-`: standard input to read, standard output to create. */
export async function openStream(url: URL, options: BackendOptions): Promise<Backend> {
  const { mode, clock } = options;
  const { stdin, stdout } = process;
  if (mode === "write") {
    const why = "a stream is read, or written anew, and never changed";
    throw new OciError("unsupported", `Cannot open "-": ${why}`);
  }
  if ((mode === "read" ? stdin : stdout).isTTY) {
    throw usageError(`Cannot open "-": an archive is nothing for a terminal`);
  }
  if (mode === "read") {
    const { begun, isPlain } = await import("./stream_begin.ts");
    const { head, input } = await begun(stdin);
    if (!isPlain(head)) {
      const { openSaved } = await import("./stream_saved.ts");
      return await openSaved(url, input, options);
    }
    const { openStreamIn } = await import("./stream_in.ts");
    return openStreamIn(url, input, clock);
  }
  const { openStreamOut, standardOutput } = await import("./stream_out.ts");
  return openStreamOut(url, standardOutput());
}
