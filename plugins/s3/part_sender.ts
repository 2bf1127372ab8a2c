import type { Buffers } from "./buffers.ts";
import type { Client } from "./client.ts";
import { startUpload, type Upload } from "./multipart.ts";

/** Sends the parts of one upload, a few at once; begun with the first. */
export interface PartSender {
  /** Sends the next part, whose memory is taken over; waits until there is room for it, and throws what an earlier one failed with. */
  send(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Begins the upload, if no part has; gives its id. */
  begin(): Promise<string>;
  /** Bytes sent so far. */
  readonly sent: number;
  /** Takes the next part from another object of the store, or some bytes of it. */
  copy(source: string, range: { start: number; end: number }): Promise<void>;
  /** Waits for all parts and makes one object of them. */
  complete(size: number): Promise<void>;
  /** Drops what was sent. */
  abort(): Promise<void>;
}

/** Parts in flight of one upload. */
const AT_ONCE = 4;

/** A sender of parts to a key. */
export function createPartSender(
  client: Client,
  buffers: Buffers,
  key: string,
  action: string,
): PartSender {
  let upload: Promise<Upload> | undefined;
  const flying = new Set<Promise<void>>();
  const stop = new AbortController();
  let parts = 0;
  let sent = 0;

  function start(): Promise<Upload> {
    upload ??= startUpload(client, key, action);
    return upload;
  }

  async function launch(work: (upload: Upload, number: number) => Promise<void>): Promise<void> {
    stop.signal.throwIfAborted();
    const number = ++parts;
    const begun = await start();
    const flight = work(begun, number).catch((error) => stop.abort(error)).finally(() => {
      flying.delete(flight);
    });
    flying.add(flight);
    if (flying.size >= AT_ONCE) await Promise.race(flying);
    stop.signal.throwIfAborted();
  }

  async function land(): Promise<void> {
    await Promise.all(flying);
  }

  return {
    begin: async () => (await start()).id,
    get sent() {
      return sent;
    },
    async send(bytes) {
      await buffers.take(bytes.length);
      let handed = false;
      try {
        await launch(async (upload, number) => {
          handed = true;
          sent += bytes.length;
          try {
            await upload.part(number, bytes);
          } finally {
            buffers.give(bytes);
          }
        });
      } finally {
        if (!handed) buffers.give(bytes);
      }
    },
    copy: (source, range) => {
      sent += range.end - range.start;
      return launch((upload, number) => upload.copy(number, source, range));
    },
    async complete(size) {
      await land();
      stop.signal.throwIfAborted();
      await (await start()).complete(size);
    },
    async abort() {
      stop.abort(new Error("the write was dropped"));
      await land();
      const begun = await upload?.catch(() => undefined);
      await begun?.abort();
    },
  };
}
