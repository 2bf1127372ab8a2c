// The server: an S3 service of this process on a port of loopback.
import { type FrontOptions, type OpenFront, openFront } from "./front.ts";
import type { Answering } from "./http.ts";
import { type Personality, personality } from "./personalities.ts";
import { createService } from "./service.ts";
import type { Store } from "./store.ts";
import { change, type Changes, type Switches } from "./switches.ts";

export interface StartOptions extends FrontOptions {
  readonly personality?: Personality;
  readonly switches?: Changes;
  /** Buckets that are there from the start; `test` if not given. */
  readonly buckets?: readonly string[];
  /** The time in milliseconds; the system's if not given. */
  readonly now?: () => number;
  readonly seed?: number;
}

/** A server that runs. */
export interface S3Server extends OpenFront {
  readonly region: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly store: Store;
  readonly switches: Switches;
  /** Changes how the server behaves from the next request on. */
  change(changes: Changes): void;
}

/** Starts a server. */
export async function start(options: StartOptions = {}): Promise<S3Server> {
  const { buckets = ["test"], now = Date.now, seed = 1 } = options;
  const switches = personality(options.personality ?? "aws", options.switches);
  const service = createService({ switches, buckets, now, seed });
  const answering: Answering = {
    handle: (request) => service.handle(request),
    identify: (request) => service.identify(request),
    now: () => service.now(),
    changes: () => service.store.changes,
    date: () => service.switches.clock.shown ? new Date(service.now()).toUTCString() : undefined,
    get switches() {
      return service.switches;
    },
    befall(fault) {
      const { clock, auth } = service.switches;
      if (fault.kind === "clock") {
        service.switches = change(service.switches, { clock: { offset: clock.offset + fault.ms } });
      } else if (fault.kind === "expire") {
        const keys = auth.keys.map((key) => ({ ...key, expires: service.now() }));
        service.switches = change(service.switches, { auth: { keys } });
      }
    },
  };
  const changeSwitches = (changes: Changes) =>
    void (service.switches = change(service.switches, changes));
  const front = await openFront(answering, options, changeSwitches);
  const [key] = switches.auth.keys;
  return {
    ...front,
    region: switches.region.name,
    bucket: buckets[0] ?? "",
    accessKey: key?.accessKey ?? "",
    secretKey: key?.secretKey ?? "",
    store: service.store,
    get switches() {
      return service.switches;
    },
    change: changeSwitches,
  };
}
