/** Up to here memory grows with what arrives; what comes to more is likely to fill a part. */
const SMALL = 1 << 20;

/** Memory for the parts of uploads: so much in flight and no more, however many uploads go on at once. */
export interface Buffers {
  /** Waits until so many more bytes may be in flight. */
  take(size: number): Promise<void>;
  /** Gives back what was in flight; its memory serves the next part. */
  give(bytes: Uint8Array<ArrayBuffer>): void;
  /** Memory of that size, used before or new. */
  memory(size: number): Uint8Array<ArrayBuffer>;
}

/** A budget of bytes. Who asks for more than there is at all gets it alone. */
export function createBuffers(budget: number): Buffers {
  const waiting: { readonly size: number; readonly resolve: () => void }[] = [];
  const spare: ArrayBuffer[] = [];
  let used = 0;
  /** Bytes that wait to be used again. */
  let kept = 0;
  const admit = () => {
    for (let next = waiting[0]; next; next = waiting[0]) {
      if (used > 0 && used + next.size > budget) return;
      used += next.size;
      waiting.shift();
      next.resolve();
    }
  };
  return {
    take(size) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ size, resolve });
      admit();
      return promise;
    },
    give({ length, buffer }) {
      used -= length;
      // Dropped ones would wait for a collector of garbage, beside new ones. Small ones are no burden to it.
      if (buffer.byteLength > SMALL && kept + buffer.byteLength <= 2 * budget) {
        spare.push(buffer);
        kept += buffer.byteLength;
      }
      admit();
    },
    memory(size) {
      const at = spare.findIndex(({ byteLength }) => byteLength === size);
      const [found] = at < 0 ? [] : spare.splice(at, 1);
      kept -= found?.byteLength ?? 0;
      return new Uint8Array(found ?? new ArrayBuffer(size));
    },
  };
}

/** Bytes that are gathered until there are enough for a part. */
export class Gatherer {
  #bytes = new Uint8Array(0);
  #length = 0;

  constructor(readonly most: number, readonly buffers: Pick<Buffers, "memory">) {}

  /** Bytes gathered. */
  get length(): number {
    return this.#length;
  }

  /** Takes what fits of a chunk; gives how much that was. */
  add(chunk: Uint8Array): number {
    const taken = Math.min(chunk.length, this.most - this.#length);
    this.#reserve(this.#length + taken);
    this.#bytes.set(chunk.subarray(0, taken), this.#length);
    this.#length += taken;
    return taken;
  }

  /** What was gathered, still held. */
  peek(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was gathered, given away. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.peek();
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return bytes;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = Math.max(length, 2 * this.#bytes.length, 1 << 16);
    const larger = grown > SMALL || grown > this.most
      ? this.buffers.memory(this.most)
      : new Uint8Array(grown);
    larger.set(this.peek());
    this.#bytes = larger;
  }
}
