import {
  type CopiedReference,
  copy,
  type CopyOptions,
  isDigest,
  isOciError,
  Layout,
  type Place,
} from "../../core/mod.ts";
import type { Copy } from "./copy_plan.ts";
import { digestOfRef } from "./copy_run.ts";
import type { Source } from "./copy_sources.ts";
import { createPace, pacedBackend } from "./pace.ts";

/** A reference in its new place. */
export interface Copied {
  readonly reference: CopiedReference;
  readonly from: Place;
  /** Whether it was asked for, and did not just come along. */
  readonly asked: boolean;
}

/** A reference that could not be copied. */
export interface Failed {
  readonly code: string;
  readonly message: string;
  readonly digest?: string;
  readonly name?: string;
}

/** Forgets what earlier tries have left of these sources. */
export async function startOver(sources: readonly Source[], target: Layout): Promise<void> {
  for (const { ref } of await target.statuses("ref~=^copy/")) {
    const digest = digestOfRef(ref);
    if (!isDigest(digest)) continue;
    const known = await Promise.all(sources.map(({ layout }) => layout.exists(digest)));
    if (known.includes(true)) await target.abort(ref);
  }
}

/** Copies place by place; with `--keep-going` reference by reference. */
export async function copyAll(
  { flags, clock, signal, notice }: Copy,
  sources: readonly Source[],
  target: Layout,
  options: CopyOptions,
) {
  const copied: Copied[] = [];
  const failed: Failed[] = [];
  const pace = createPace(flags.rate, clock, signal);
  for (const { place, layout, items, whole } of sources) {
    const { store, notices } = layout;
    const from = flags.rate === undefined
      ? layout
      : new Layout({ ...store, backend: pacedBackend(store.backend, pace) }, notices);
    const chosen = options.as === undefined ? items : items.slice(0, 1);
    const parts = flags["keep-going"] ? chosen.map((item) => [item]) : [chosen];
    const all = whole && parts.length === 1 && options.as === undefined;
    for (const part of parts) {
      const what = part.map(({ what }) => what);
      try {
        const report = await copy(from, all ? undefined : what, target, options);
        // What came along as a referrer stands behind.
        for (const [at, reference] of report.copied.entries()) {
          copied.push({ reference, from: place, asked: all || at < part.length });
        }
      } catch (error) {
        if (!flags["keep-going"] || signal.aborted || !isOciError(error)) throw error;
        const { code, message, digest } = error;
        notice({ code, message });
        failed.push({
          code,
          message,
          ...(digest === undefined ? {} : { digest }),
          ...(part[0]?.name === undefined ? {} : { name: part[0].name }),
        });
      }
    }
  }
  return { copied, failed };
}
