import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { kindOfVisit, pathOf, type Visit, walkGraph } from "./graph.ts";
import { isExternal, UNKNOWN_SIZE } from "./manifest.ts";
import { placeOf, type Store } from "./store.ts";

const AT_ONCE = 64;

/**
 * Makes sure, in the era last read, that all a descriptor reaches is stored with the size its parent states.
 * What `known` answers true for is in place with all below it.
 *
 * @throws {OciError} `not_found` naming the first few that are missing; `invalid` if the size of the root is wrong.
 */
export async function checkClosure(
  store: Store,
  root: Descriptor,
  known: (digest: Digest) => boolean,
): Promise<void> {
  const { era } = store.root;
  /** What is not there as it should be, and how it is reached. */
  const lack = async (visit: Visit): Promise<string[]> => {
    const { target, role } = visit;
    const { digest, size } = target;
    const stored = await store.stamps.ensure(digest, era);
    if (role === "root" && stored !== undefined && stored !== size) {
      throw wrongSize(store, target, stored);
    }
    const right = stored === size || (stored !== undefined && size === UNKNOWN_SIZE);
    return right || isExternal(target) ? [] : [`${digest} (${pathOf(visit).join(" > ")})`];
  };
  const isKnown = ({ target, role }: Visit) => role !== "root" && known(target.digest);
  const missing: string[] = [];
  const prune = async (visit: Visit) => {
    const lacking = isKnown(visit) ? [] : await lack(visit);
    missing.push(...lacking);
    // What is not there cannot be opened.
    return isKnown(visit) || lacking.length > 0;
  };
  let leaves: Visit[] = [];
  const flush = async () => {
    missing.push(...(await Promise.all(leaves.map(lack))).flat());
    leaves = [];
  };
  for await (const visit of walkGraph(store, [root], { sparse: true, prune })) {
    if (kindOfVisit(visit) === undefined && !isKnown(visit)) leaves.push(visit);
    if (leaves.length >= AT_ONCE) await flush();
  }
  await flush();
  if (missing.length === 0) return;
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
  throw new OciError(
    "not_found",
    `Cannot list ${root.digest}: not stored: ${missing.slice(0, 3).join(", ")}${more}`,
    { url: placeOf(store), digest: root.digest },
  );
}

function wrongSize(store: Store, { digest, size }: Descriptor, stored: number): OciError {
  const message = `Cannot list ${digest}: it has ${stored} bytes, not ${size}`;
  return new OciError("invalid", message, { url: placeOf(store), digest });
}
