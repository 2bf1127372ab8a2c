import type { Backend, Durability, OpenMode } from "./backend.ts";
import { type Clock, systemClock } from "./clock.ts";
import { createConsult } from "./consult.ts";
import { createStamps } from "./fence.ts";
import type { Hook, Notice } from "./hook.ts";
import { noteFacts } from "./layout_file.ts";
import { leaseLock } from "./lease.ts";
import { prepare } from "./prepare.ts";
import { openRoot } from "./root.ts";
import { assertActive, defaultLimits, type Limits, placeOf, type Store } from "./store.ts";

/** How a layout is opened. */
export interface OpenOptions {
  /** `read` (the default) never writes, `write` needs a layout, `create` makes one. */
  readonly mode?: OpenMode;
  /** Take part in what the layout does. */
  readonly hooks?: readonly Hook[];
  /** Declare that children may be missing. */
  readonly sparse?: boolean;
  /** Whether success waits for the disk; default `full`. */
  readonly durability?: Durability;
  /** What nothing may pass, in bytes. */
  readonly limits?: Partial<Limits>;
  /** Milliseconds to wait for other writers; default 30,000. */
  readonly wait?: number;
  /** Told of what is odd, besides `layout.notices`. */
  readonly onNotice?: (notice: Notice) => void;
  /** Ends what the layout does with `aborted`. */
  readonly signal?: AbortSignal;
  /** Time and chance. */
  readonly clock?: Clock;
}

/** What the parts of a layout share, once its place is known to be one. */
export async function openStore(
  backend: Backend,
  options: OpenOptions,
  notice: (notice: Notice) => void,
): Promise<Store> {
  const { mode = "read", wait = 30_000, clock = systemClock, hooks = [], signal } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const root = openRoot(backend.docs, { url: backend.url, clock, wait, limit: limits.index });
  const store: Store = {
    backend,
    mode,
    root,
    stamps: createStamps(backend.blobs, createConsult(backend, root, clock, signal)),
    lock: backend.lock ??
      leaseLock(backend.docs, { clock, ...(backend.far ? { poll: 2_000 } : {}) }),
    hooks,
    limits,
    clock,
    wait,
    signal,
    sparse: false,
    notice,
  };
  assertActive(signal, `open ${placeOf(store)}`);
  await prepare(store);
  if (options.sparse && mode !== "read") await noteFacts(backend.docs, { sparse: true }, store);
  store.sparse = options.sparse === true;
  return store;
}
