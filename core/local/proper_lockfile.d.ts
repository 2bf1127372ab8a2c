/** What is used of proper-lockfile 4.1.2, which has no types of its own. */
export interface LockfileSystem {
  mkdir(path: string, done: Done): void;
  rmdir(path: string, done: Done): void;
  rmdirSync(path: string): void;
  stat(path: string, done: Done<{ mtime: Date }>): void;
  utimes(path: string, atime: Date, mtime: Date, done: Done): void;
}

export type Done<T = void> = (error: unknown, result?: T) => void;

export interface LockfileOptions {
  lockfilePath: string;
  realpath: boolean;
  stale: number;
  update: number;
  retries: number;
  fs: LockfileSystem;
  onCompromised: (error: Error) => void;
}

export interface Lockfile {
  lock(file: string, options: LockfileOptions): Promise<() => Promise<void>>;
}
