import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cronTimes } from "../../plugins/gc/cron.ts";
import { type Schedule, scheduleOf } from "../../plugins/gc/schedule.ts";
import { fails } from "../fails.ts";

const at = (time: string) => Date.parse(time);
const [SECOND, HOUR] = [1_000, 3_600_000];
const NONE = { every: undefined, cron: undefined, tz: undefined, jitter: undefined };

const schedule = async (
  flags: Partial<Record<"every" | "jitter", number> & Record<"cron" | "tz", string>>,
  chance = 0,
): Promise<Schedule> => {
  const found = await scheduleOf({ ...NONE, metrics: undefined, ...flags }, {
    random: () => chance,
  });
  assert.ok(found);
  return found;
};

describe("every so often", () => {
  it("comes at once, then so long after the end of each run", async () => {
    const { first, next, missed } = await schedule({ every: HOUR });
    assert.deepEqual([first(7), next(9), missed(7, 9 * HOUR)], [7, HOUR + 9, 0]);
  });

  it("comes up to a tenth later by chance, or as much as was asked for", async () => {
    assert.equal((await schedule({ every: HOUR }, 0.5)).next(0), 1.05 * HOUR);
    assert.equal((await schedule({ every: HOUR, jitter: 0 }, 0.5)).next(0), HOUR);
    assert.equal((await schedule({ every: HOUR, jitter: 10 * SECOND }, 0.5)).next(0), HOUR + 5000);
  });
});

describe("by a cron expression", () => {
  it("comes at the next time it names, in UTC unless a zone is given", async () => {
    const noon = at("2026-11-22T12:00:00Z");
    const utc = await schedule({ cron: "30 3 * * *" });
    assert.equal(utc.first(noon), at("2026-11-23T03:30:00Z"));
    assert.equal(utc.next(at("2026-11-23T03:30:00Z")), at("2026-11-24T03:30:00Z"));
    const berlin = await schedule({ cron: "30 3 * * *", tz: "Europe/Berlin" });
    assert.equal(berlin.first(noon), at("2026-11-23T02:30:00Z"));
  });

  it("keeps to the hour of its zone when the clocks are changed", async () => {
    const { next } = await schedule({ cron: "30 3 * * *", tz: "Europe/Berlin" });
    assert.equal(next(at("2026-03-28T12:00:00Z")), at("2026-03-29T01:30:00Z"));
    assert.equal(next(at("2026-03-27T12:00:00Z")), at("2026-03-28T02:30:00Z"));
  });

  it("comes later by chance only if asked to", async () => {
    const noon = at("2026-11-22T12:00:00Z");
    const due = at("2026-11-22T13:00:00Z");
    assert.equal((await schedule({ cron: "@hourly" }, 0.5)).next(noon), due);
    assert.equal(
      (await schedule({ cron: "@hourly", jitter: 60_000 }, 0.5)).next(noon),
      due + 30_000,
    );
  });

  it("counts the times that passed while a run was under way", async () => {
    const { missed } = await schedule({ cron: "0 * * * *" });
    const due = at("2026-11-22T12:00:00Z");
    assert.deepEqual([missed(due, due + HOUR - 1), missed(due, due + HOUR)], [0, 1]);
    assert.equal(missed(due, due + 3.5 * HOUR), 3);
  });

  it("ends when there is no next time", () => {
    const after = cronTimes("2026-12-24T00:00:00", "UTC");
    assert.equal(after(at("2026-12-23T00:00:00Z")), at("2026-12-24T00:00:00Z"));
    assert.equal(after(at("2026-12-24T00:00:00Z")), undefined);
  });
});

describe("a schedule that makes no sense is refused before anything is opened", () => {
  const rows: readonly [string, Parameters<typeof schedule>[0], RegExp][] = [
    ["two of them", { every: HOUR, cron: "@daily" }, /one schedule is enough/],
    ["a zone without a cron expression", { every: HOUR, tz: "UTC" }, /goes with "--cron"/],
    ["chance without a schedule", { jitter: 5 }, /"--jitter"/],
    ["all the time", { every: 0 }, /--every 6h/],
    ["an expression nobody can read", { cron: "at noon" }, /Cannot read "at noon"/],
    ["one with too large an hour", { cron: "0 25 * * *" }, /Cannot read "0 25/],
    ["a zone nobody knows", { cron: "@daily", tz: "Mars/Olympus" }, /time zone "Mars\/Olympus"/],
  ];
  for (const [what, flags, message] of rows) {
    it(what, async () => {
      const error = await fails(schedule(flags), "invalid", message);
      assert.equal(error.reason, "usage");
    });
  }

  it("one that never comes", async () => {
    const { first } = await schedule({ cron: "0 0 30 2 *" });
    assert.throws(() => first(0), /never comes/);
  });
});
