import process from "node:process";
import { OciError, type Terminal } from "../../core/basics.ts";
import { INTERRUPTED } from "./failure.ts";

/** The reason of the error that `out` throws for text once nobody reads stdout: no failure. */
export const NOBODY_READS = "nobody_reads";

/** An environment variable; one that may not be read is absent. */
function env(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}

/** Whether the locale can show more than ASCII. */
export function isUnicode(env: (name: string) => string | undefined, platform: string): boolean {
  const locale = env("LC_ALL") || env("LC_CTYPE") || env("LANG") || "";
  return /utf-?8/i.test(locale) || (locale === "" && platform === "win32");
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  let live: readonly string[] = [];
  // A reader that has gone away is told by the write itself; without these it would end the process.
  stdout.on("error", () => {});
  stderr.on("error", () => {});
  const talk = (before: string, lines: readonly string[]) => {
    const erase = live.length === 0 ? "" : `\x1b[${live.length}A\x1b[J`;
    const text = erase + before + lines.map((line) => `${line}\n`).join("");
    live = lines;
    if (text !== "") stderr.write(text);
  };
  return {
    out: (chunk) =>
      new Promise((resolve, reject) => {
        stdout.write(chunk, (error) => error ? reject(unwritten(error, chunk)) : resolve());
      }),
    err: (line) => talk(`${line}\n`, live),
    live: (lines) => talk("", stderr.isTTY ? lines : []),
    get stdin() {
      return streamOf(stdin);
    },
    tty: { in: stdin.isTTY === true, out: stdout.isTTY === true, err: stderr.isTTY === true },
    get width() {
      return stderr.columns || Number(env("COLUMNS")) || 80;
    },
    get height() {
      return stderr.rows || 24;
    },
    unicode: isUnicode(env, process.platform),
    ...(stdin.isTTY && stderr.isTTY ? { secret: askSecret } : {}),
    env,
  };
}

/** A line typed at the terminal, which does not show it. */
async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // In this order, so that not even the quickest answer is shown.
  stdin.ref();
  stdin.setRawMode(true);
  stderr.write(question);
  let typed = "";
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const char of String(chunk)) {
        if (char === "\r" || char === "\n" || char === "\x04") return typed;
        if (char === "\x03") {
          throw new OciError("aborted", "Cannot go on: interrupted", { reason: INTERRUPTED });
        }
        typed = char === "\x7f" || char === "\b" ? [...typed].slice(0, -1).join("") : typed + char;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    // Bun would wait for more, for ever.
    stdin.unref();
    stderr.write("\n");
  }
}

function unwritten(error: Error, chunk: string | Uint8Array): OciError {
  const gone = (error as { code?: unknown }).code === "EPIPE";
  if (!gone) {
    return new OciError("unavailable", `Cannot write to stdout: ${error.message}`, {
      cause: error,
    });
  }
  const reason = typeof chunk === "string" ? { reason: NOBODY_READS } : {};
  return new OciError("aborted", "Cannot write to stdout: nobody reads it", reason);
}

function streamOf(stdin: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const chunks = stdin[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return?.();
    },
  }, { highWaterMark: 0 });
}
