// An archive that a program without our lock writes anew while it is changed here.
import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isOciError, openLayout } from "../../../core/mod.ts";
import { noise } from "../../contract/suite.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./archives.ts";

/** An archive with one name in it, and a blob of that size. */
async function made(path: string, name: string, size: number): Promise<Uint8Array> {
  await using store = await openLayout(await openAt(path), { mode: "create" });
  const { descriptor } = await store.push({}, noise(size, size));
  await store.tag(descriptor, name);
  return new Uint8Array(readFileSync(path));
}

const ways: Readonly<Record<string, (path: string, bytes: Uint8Array) => void>> = {
  "in its place": (path, bytes) => writeFileSync(path, bytes),
  "beside it, and renamed": (path, bytes) => {
    writeFileSync(`${path}.new`, bytes);
    renameSync(`${path}.new`, path);
  },
};

describe("written anew by another program at any step", () => {
  for (const [how, write] of Object.entries(ways)) {
    for (const size of [100, 400_000]) {
      it(`${how}, ${size} bytes in it, an archive is that program's, and ours is added or refused`, async () => {
        using folder = temporaryFolder();
        const at = (name: string) => join(folder.path, name);
        const ours = await made(at("ours.tar"), "ours", 70_000);
        const theirs = await made(at("theirs.tar"), "theirs", size);
        const [before, after]: [string[], string[]] = [[], []];
        for (let n = 1, name = ""; n === 1 || name !== ""; n++) {
          const path = at(`${n}.tar`);
          writeFileSync(path, ours);
          let steps = 0;
          let [isOver, isBefore] = [false, false];
          name = "";
          {
            await using backend = await openAt(path, { mode: "write" }, {
              onStep(step) {
                if (step === "commit archive") isOver = true;
                if (++steps !== n) return;
                [name, isBefore] = [step, !isOver];
                write(path, theirs);
              },
            });
            const store = await openLayout(backend, { mode: "write" });
            const { descriptor } = await store.push({}, noise(200_000, 9));
            const error = await store.tag(descriptor, "added").then(
              () => undefined,
              (error) => error,
            );
            if (error && !isOciError(error, "conflict", "lease_lost", "not_found")) throw error;
            await using reader = await openLayout(await openAt(path, { mode: "read" }));
            const names = (await reader.references()).map(({ name }) => name);
            const wanted = name === "" ? ["added", "ours"] : ["theirs"];
            const hasAdded = names.includes("added");
            assert.deepEqual(names.filter((one) => one !== "added" || !name), wanted, name);
            if (isBefore) assert.equal(hasAdded, !error, `${name}: ${error}`);
            for (const one of names) await reader.fetchAll(one);
            (isBefore ? before : after).push(name);
          }
        }
        assert.ok(
          before.includes("append member") && before.includes("sync archive"),
          before.join(),
        );
        assert.ok(after.includes("sync commit"), after.join());
      });
    }
  }
});
