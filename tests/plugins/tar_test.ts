import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Backend,
  type BlobInfo,
  createRegistry,
  editDoc,
  systemClock,
} from "../../core/mod.ts";
import { archiveUrl, tar } from "../../plugins/tar/mod.ts";
import { backendContract } from "../contract/backend.ts";
import { usual } from "../opening.ts";

const { open } = createRegistry([tar()]);

async function place(): Promise<Backend> {
  const folder = mkdtempSync(join(tmpdir(), "stowage-"));
  const backend = await open(archiveUrl(join(folder, "layout.tar")), usual);
  return {
    ...backend,
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The same backend, in which no blob stays staged: some document is written after each. */
function folding(backend: Backend): Backend {
  const { docs, blobs } = backend;
  const fold = (): Promise<unknown> =>
    editDoc(docs, "fold", (text) => `${Number(text ?? 0) + 1}`, { clock: systemClock });
  return {
    ...backend,
    blobs: {
      ...blobs,
      async ingest(how) {
        const ingest = await blobs.ingest(how);
        const commit = async (blob: BlobInfo) => {
          await ingest.commit(blob);
          await fold();
        };
        return Object.defineProperties({ ...ingest, commit }, {
          status: { get: () => ingest.status },
        });
      },
    },
  };
}

const reopen = (backend: Backend) => open(backend.url, usual);

backendContract("tar", { test, has: ["adopt", "renew", "trash"], place, reopen });

backendContract("tar, in the archive", {
  test,
  has: ["renew", "trash"],
  place: async () => folding(await place()),
  reopen: async (backend) => folding(await reopen(backend)),
});
