const atHand = new WeakMap<ReadableStream<Uint8Array>, Uint8Array>();

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
