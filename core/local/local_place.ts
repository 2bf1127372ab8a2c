import type { BackendOptions } from "../backend.ts";
import type { Clock } from "../clock.ts";
import { OciError } from "../errors.ts";
import { fileError } from "./file_error.ts";
import { createDisk, type Disk, lookAt, type OnStep, steadyTime } from "./files.ts";

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

/** What a place on this machine is made of. */
export interface PlaceOptions
  extends Pick<BackendOptions, "mode" | "durability" | "clock" | "notice"> {
  /** Told each step that a crash could fall beside. */
  readonly onStep?: OnStep | undefined;
  readonly tmp: string;
  /** How it is called where it refuses. */
  readonly shown: string;
  /** Makes, or looks for, what has to be there before `tmp` is made. */
  readonly prepare: (disk: Disk) => Promise<void>;
}

/** A place on this machine that nothing is made of before the first write. */
export function createPlace(options: PlaceOptions): LocalPlace {
  const { mode, durability, clock, notice, onStep, tmp, shown, prepare } = options;
  const disk = createDisk(durability, onStep);
  return {
    clock,
    disk,
    notice,
    tmp,
    time: steadyTime(clock),
    readOnly: mode === "read",
    async writing(action) {
      if (mode === "read") {
        throw new OciError("read_only", `${action}: "${shown}" is opened to read`);
      }
      if (lookAt(tmp)) return;
      try {
        await prepare(disk);
        await disk.makeFolder(tmp);
      } catch (error) {
        throw fileError(error, action);
      }
    },
  };
}
