import {
  annotated,
  type Descriptor,
  digestOf,
  isOciError,
  type Layout,
  MANIFEST_TYPE,
  type Meter,
  OciError,
} from "../../core/mod.ts";
import { EMPTY_BYTES, EMPTY_TYPE, manifestOf, TITLE } from "./artifact.ts";
import type { Input } from "./file_argument.ts";
import { digestOfFile, fileSource } from "./local_file.ts";
import { createPace, type Pace, paced } from "./pace.ts";
import { inPool } from "./pool.ts";
import type { Plan, Push } from "./push_plan.ts";

/** How often what is pushed may be collected meanwhile. */
const TRIES = 20;

/** Stores the files, the config and the manifest of an artifact, then lists it. */
export async function pushArtifact(
  context: Push,
  layout: Layout,
  meter: Meter,
  plan: Plan & { readonly subject: Descriptor | undefined; readonly names: readonly string[] },
) {
  const { flags, clock, signal } = context;
  const { annotations, artifactType, subject, names } = plan;
  const pace = createPace(flags.rate, clock, signal);
  const files = await inPool(plan.files, flags.jobs, async (input) => {
    const { existed, descriptor } = await pushFile(context, layout, meter, input, pace);
    const { digest, size } = descriptor;
    const state = existed ? "skipped" : "sent";
    settle(meter, digest, size, existed);
    return { title: input.title, digest, size, mediaType: input.mediaType, state };
  });
  const layers = files.map(({ title, digest, size, mediaType }) =>
    annotated({ mediaType, digest, size }, { [TITLE]: title, ...annotations[title] })
  );
  const config = annotated(
    await pushConfig(context, layout, meter, plan.config, pace),
    annotations["$config"] ?? {},
  );
  const manifest = annotations["$manifest"] ?? {};
  const bytes = manifestOf({ artifactType, config, layers, subject, annotations: manifest });
  const existed = await layout.exists(digestOf(bytes));
  const { expect } = flags;
  const list = () =>
    layout.pushManifest(bytes, {
      mediaType: MANIFEST_TYPE,
      ref: names,
      ...(expect === undefined ? {} : { expect: expect === "none" ? null : expect }),
    });
  const entry = await retried(list, plan, async () => {
    await inPool(plan.files, flags.jobs, (input) => pushFile(context, layout, meter, input, pace));
    if (plan.config) await pushFile(context, layout, meter, plan.config, pace);
    else await layout.push({}, EMPTY_BYTES);
  });
  settle(meter, entry.digest, entry.size, existed);
  for (const name of names) meter.reference(name, entry.digest);
  return { entry, files };
}

/** Lists what was stored; what a collector without grace has taken meanwhile is stored again. */
async function retried<T>(
  list: () => Promise<T>,
  { files, config }: Plan,
  storeAgain: () => Promise<void>,
): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await list();
    } catch (error) {
      if (!isOciError(error, "not_found")) throw error;
      if ([...files, config].some((input) => input?.path === "-") || tries === TRIES) {
        throw new OciError(
          "conflict",
          `Cannot push: it was collected meanwhile: ${error.message}`,
          {
            digest: error.digest,
            cause: error,
          },
        );
      }
      await storeAgain();
    }
  }
}

/**
 * Stores a file: in one pass, as its digest is known once its last byte is; but what would go far is hashed before, as it
 * may be there.
 */
async function pushFile(
  { terminal, signal }: Push,
  layout: Layout,
  meter: Meter,
  { path, size, title }: Input,
  pace: Pace,
) {
  let done = 0;
  const count = (bytes: number) => {
    // What has to be sent again is read again.
    done = Math.min(done + bytes, size ?? Infinity);
    meter.taking(title, done, size);
    return pace(bytes);
  };
  const counted: Pace = Object.assign(count, { step: pace.step });
  const source = path === "-" ? paced(terminal.stdin, counted) : fileSource(path, counted);
  const { far = false } = layout.store.backend;
  try {
    if (size === undefined) return await layout.push({}, source);
    const known = far ? { digest: await digestOfFile(path, { signal }), size } : { size };
    return await layout.push(known, source);
  } finally {
    meter.taken(title, done);
  }
}

async function pushConfig(
  context: Push,
  layout: Layout,
  meter: Meter,
  config: Input | undefined,
  pace: Pace,
): Promise<Descriptor> {
  if (config) {
    const { descriptor, existed } = await pushFile(context, layout, meter, config, pace);
    settle(meter, descriptor.digest, descriptor.size, existed);
    return { ...descriptor, mediaType: config.mediaType };
  }
  const { length: size } = EMPTY_BYTES;
  const empty = { mediaType: EMPTY_TYPE, digest: digestOf(EMPTY_BYTES), size };
  const { existed } = await layout.push(empty, EMPTY_BYTES);
  settle(meter, empty.digest, size, existed);
  return { ...empty, data: btoa("{}") };
}

function settle(meter: Meter, digest: Descriptor["digest"], size: number, existed: boolean) {
  meter.meet(size);
  meter.settle(digest, size, existed ? "skipped" : "done");
}
