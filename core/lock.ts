/** A right that is held for now. */
export interface Lease extends AsyncDisposable {
  /** Aborts once ownership can no longer be proven; hand it to what streams. */
  readonly signal: AbortSignal;
  /** Throws `lease_lost` once ownership can no longer be proven: by the clock, not by a timer. */
  assertHeld(): void;
}

/** How a lock is asked for. */
export interface LockOptions {
  /** Shared holders stand beside each other; default `exclusive`. */
  readonly mode?: "shared" | "exclusive";
  /** Milliseconds to wait before `locked`; default 0. */
  readonly wait?: number;
  /** Ends the waiting with `aborted`. */
  readonly signal?: AbortSignal;
}

/** Mutual exclusion by name, across processes. */
export interface Lock {
  /**
   * Takes the lock of that name. A holder that died is replaced once its lease has run out.
   *
   * @throws {OciError} `locked` naming holder and age, `aborted`.
   */
  acquire(name: string, options?: LockOptions): Promise<Lease>;
}
