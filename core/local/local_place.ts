import type { Clock } from "../clock.ts";
import type { Disk } from "./files.ts";

/** What the parts of a backend on this machine share. */
export interface LocalPlace {
  readonly clock: Clock;
  readonly disk: Disk;
  /** A folder of the same file system for what is not finished; there once `writing` has resolved. */
  readonly tmp: string;
  /** A whole millisecond, later than any given before and than `after`. */
  readonly time: (after?: number) => number;
  /** Whether it is opened for reading only. */
  readonly readOnly: boolean;
  /** Called before every write: throws `read_only` or `not_found`, and makes the folders that are missing. */
  readonly writing: (action: string) => Promise<void>;
  /** Something odd was found. */
  readonly notice: (code: string, message: string) => void;
}
