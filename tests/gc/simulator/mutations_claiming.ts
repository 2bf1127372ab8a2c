// Where deletes end with a deadline: collectors claim what they delete until then.
import type { Removal } from "../../../core/mod.ts";
import { withBlobs } from "../../faults.ts";
import { withDocs, withState } from "./changes.ts";
import { alone, fair, type Mutation, prompt, slowDeletes } from "./mutation.ts";

const deadline = { protocol: "deadline" } as const;
const collectors = "collector";

/** What is taken away of collectors. */
export const claimingMutations: readonly Mutation[] = [
  {
    name: "a claim does not heed what was taken back",
    setting: {
      laws: deadline,
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withState(
            backend,
            (state) => ({ ...state, rescued: [] }),
            (written, stood) => ({
              ...written,
              rescued: written.run === stood?.run
                ? [...new Set([...stood.rescued, ...written.rescued])]
                : written.rescued,
            }),
          ),
      },
    },
  },
  {
    name: "a claim does not compare",
    setting: {
      laws: deadline,
      scenario: { ...prompt, ...alone, collectors: 1 },
      weather: { ...fair, order: "ranked" },
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withDocs(backend, ({ load, swap }) => ({
            async swap(name, text, seen) {
              const blind = /"deadline"/.test(text ?? "") && !/"done"/.test(text ?? "");
              return await swap(name, text, blind ? await load(name) : seen);
            },
          })),
      },
    },
  },
  {
    name: "a shard is over before every delete is answered",
    setting: {
      laws: deadline,
      scenario: prompt,
      weather: { ...fair, ...slowDeletes },
      changes: {
        backend: (backend) =>
          withBlobs(backend, (blobs) => ({
            delete: async (seen, options) =>
              (await blobs.delete(seen, options)).map((removal): Removal =>
                removal.outcome === "unknown" ? { ...removal, outcome: "failed" } : removal
              ),
          })),
      },
    },
  },
  {
    name: "an expired claim is sent again",
    setting: {
      laws: deadline,
      scenario: { ...prompt, collectors: 1, edits: 3, pause: 200_000 },
      weather: { ...fair, ...slowDeletes, crashes: 1, fatal: /^delete/ },
      changes: {
        backend: (backend, role) => {
          if (role !== collectors) return backend;
          return withState(backend, (state) => ({
            ...state,
            shards: {
              n: state.shards.n.replaceAll("D", "C"),
              l: state.shards.l.replaceAll("D", "C"),
            },
          }));
        },
      },
    },
  },
  {
    name: "a new epoch does not wait for the claims of the last",
    setting: {
      laws: deadline,
      scenario: prompt,
      weather: { ...fair, ...slowDeletes, crashes: 1, fatal: /^delete/ },
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withState(backend, (state) => ({
            ...state,
            shards: {
              n: state.shards.n.replaceAll("D", "X"),
              l: state.shards.l.replaceAll("D", "X"),
            },
          })),
      },
    },
  },
  {
    name: "a claim ends with its requests, whatever the clocks of the store",
    setting: {
      laws: deadline,
      scenario: prompt,
      weather: { ...fair, ...slowDeletes, faults: 1, arrivals: 0.01 },
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withState(
            backend,
            (state) => state,
            (written) => ({
              ...written,
              claims: Object.fromEntries(
                Object.entries(written.claims).map(([name, claim]) => [
                  name,
                  { ...claim, deadline: claim.deadline - 30_000 },
                ]),
              ),
            }),
          ),
      },
    },
  },
];
