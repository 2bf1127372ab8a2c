const atHand = new WeakMap<ReadableStream<Uint8Array>, Uint8Array>();
const passing = new WeakMap<ReadableStream<Uint8Array>, () => AsyncIterator<Uint8Array>>();

/** A stream of bytes that are at hand. */
export function bytesStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
  atHand.set(stream, bytes);
  return stream;
}

/** The bytes of such a stream nobody has read from: of a small blob, reading the stream costs more than all the rest. */
export function bytesAtHand(stream: ReadableStream<Uint8Array>): Uint8Array | undefined {
  return atHand.get(stream);
}

/**
 * The same stream, which can also be had as chunks that lie in a few buffers, used over and over: each is good until the
 * one after the next is asked for.
 */
export function passable(
  stream: ReadableStream<Uint8Array>,
  chunks: () => AsyncIterator<Uint8Array>,
): ReadableStream<Uint8Array> {
  passing.set(stream, chunks);
  return stream;
}

/**
 * The chunks of such a stream, which nobody has read from and nobody will: for who writes or hashes them and goes on,
 * at half the cost and in a fraction of the memory.
 */
export function passingChunks(
  stream: ReadableStream<Uint8Array>,
): AsyncIterator<Uint8Array> | undefined {
  return passing.get(stream)?.();
}
