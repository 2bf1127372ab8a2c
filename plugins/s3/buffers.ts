/** Memory for the parts of uploads: so much and no more, however many go on at once. */
export interface Buffers {
  /** Waits until `size` more bytes may be in flight. */
  take(size: number): Promise<void>;
  /** Gives them back. */
  give(size: number): void;
}

/** A budget of bytes. Who asks for more than there is at all gets it alone. */
export function createBuffers(budget: number): Buffers {
  const waiting: { readonly size: number; readonly resolve: () => void }[] = [];
  let used = 0;
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
    give(size) {
      used -= size;
      admit();
    },
  };
}

/** Bytes that are gathered until there are enough for a part; memory grows with what arrives. */
export class Gatherer {
  #bytes = new Uint8Array(0);
  #length = 0;

  constructor(readonly most: number) {}

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
    const size = Math.min(this.most, Math.max(length, 2 * this.#bytes.length, 1 << 16));
    const larger = new Uint8Array(size);
    larger.set(this.peek());
    this.#bytes = larger;
  }
}
