import { chunksOf, type Terminal, usageError } from "../../core/mod.ts";

/** Writes bytes to stdout. A terminal gets text alone: anything else is a usage error, told before it is written. */
export async function bytesOut(
  { terminal, signal }: { terminal: Terminal; signal: AbortSignal },
  stream: ReadableStream<Uint8Array>,
): Promise<void> {
  const chunks = chunksOf(stream, { signal });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of chunks) {
      if (terminal.tty.out) assertText(decoder, chunk);
      await terminal.out(chunk);
    }
  } finally {
    await chunks.cancel();
  }
}

function assertText(decoder: TextDecoder, chunk: Uint8Array): void {
  try {
    if (!/(?![\t\n\r])\p{Cc}/u.test(decoder.decode(chunk, { stream: true }))) return;
  } catch {
    // told below
  }
  throw usageError("Cannot write to a terminal what is no text: send it to a file or a program");
}
