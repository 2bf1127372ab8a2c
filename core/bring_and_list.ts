import { isOciError, OciError } from "./errors.ts";
import type { Meter } from "./events.ts";
import { placeOf, type Store } from "./store.ts";

/** How often what was brought may be collected before it is listed. */
const TRIES = 20;

/** A transfer in two steps, of which a collector may undo the first before the second is taken. */
export interface TwoSteps<B, T> {
  /** Where it comes from. */
  readonly from: Store;
  /** Where it goes. */
  readonly to: Store;
  readonly meter: Meter;
  /** Brings all that is not there. */
  readonly bring: (meter: Meter) => Promise<B>;
  /** Lists what was brought; `not_found` of the target if some of it is gone. */
  readonly list: (brought: B) => Promise<T>;
}

/**
 * Brings, and lists what was brought; what a collector without grace has taken meanwhile is brought again, as long as
 * there is anything to bring.
 *
 * @throws {OciError} `conflict` if the source cannot be read again, or collectors are faster each time; and as the steps
 * do.
 */
export async function bringAndList<B, T>(
  { from, to, meter, bring, list }: TwoSteps<B, T>,
): Promise<T> {
  const moved = () => {
    const { sent, adopted } = meter.tally();
    return sent + adopted;
  };
  let brought = await bring(meter);
  for (let tries = 1;; tries++) {
    try {
      return await list(brought);
    } catch (error) {
      if (!isOciError(error, "not_found") || error.url !== placeOf(to)) throw error;
      if (tries === TRIES) throw collected(error);
      const before = moved();
      brought = await bring(again(meter)).catch((failure) => {
        // A stream is read once.
        const spent = isOciError(failure, "unavailable") && failure.url === placeOf(from);
        throw spent ? collected(failure) : failure;
      });
      // All is there, so something else was not found.
      if (moved() === before) throw error;
    }
  }
}

/** Counts what is moved once more, but nothing that was counted before. */
function again(meter: Meter): Meter {
  return {
    ...meter,
    meet() {},
    settle: (digest, size, state, resumed) => {
      if (state !== "skipped") meter.settle(digest, size, state, resumed);
    },
  };
}

function collected(cause: OciError): OciError {
  const { digest, url } = cause;
  const message = `Cannot copy: it was collected meanwhile: ${cause.message}`;
  return new OciError("conflict", message, { digest, url, cause });
}
