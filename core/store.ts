import type { Backend, OpenMode } from "./backend.ts";
import type { Clock } from "./clock.ts";
import { OciError } from "./errors.ts";
import type { Stamps } from "./fence.ts";
import type { Hook, Notice } from "./hook.ts";
import type { Lock } from "./lock.ts";
import type { Root } from "./root.ts";

/** What nothing may pass, in bytes. */
export interface Limits {
  /** Of `index.json`; 32 MiB. */
  readonly index: number;
  /** Of a manifest or nested index; 4 MiB. */
  readonly manifest: number;
}

/** The limits that hold unless others are given. */
export const defaultLimits: Limits = { index: 32 << 20, manifest: 4 << 20 };

/** What the parts of one open layout share. */
export interface Store {
  /** Where the bytes are. */
  readonly backend: Backend;
  /** How it was opened. */
  readonly mode: OpenMode;
  /** The index. */
  readonly root: Root;
  /** What has been made sure of. */
  readonly stamps: Stamps;
  /** Exclusion by name. */
  readonly lock: Lock;
  /** Who takes part. */
  readonly hooks: readonly Hook[];
  /** What nothing may pass. */
  readonly limits: Limits;
  /** Time and chance. */
  readonly clock: Clock;
  /** Milliseconds to wait for others. */
  readonly wait: number;
  /** Ends what it does. */
  readonly signal: AbortSignal | undefined;
  /** Whether it is known that children may be missing. */
  sparse: boolean;
  /** Reports something odd. */
  notice(notice: Notice): void;
}

/** The place, for errors. */
export function placeOf(store: Store): string {
  return store.backend.url.href;
}

/** Throws `read_only` unless the layout was opened for writing, and `aborted` once its signal has fired. */
export function assertWritable(store: Store, action: string): void {
  if (store.mode === "read") {
    throw new OciError(
      "read_only",
      `Cannot ${action}: the layout was opened to read`,
      { url: placeOf(store) },
    );
  }
  assertActive(store.signal, action);
}

/** Throws `aborted` once the signal has fired. */
export function assertActive(signal: AbortSignal | undefined, action: string): void {
  if (!signal?.aborted) return;
  throw new OciError("aborted", `Cannot ${action}: the call was aborted`, { cause: signal.reason });
}

/** The store's clock, in milliseconds. */
export async function timeOf(
  { backend, clock }: Pick<Store, "backend" | "clock">,
): Promise<number> {
  return backend.now ? (await backend.now()).getTime() : clock.now();
}
