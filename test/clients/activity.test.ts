/** What replicas note of clients, for operators. */
import { expect, test } from "vitest";
import { ClientActivity, SHARE_EVERY_MS } from "../../src/clients/activity.js";
import { stateUnavailable } from "../../src/oauth/error.js";
import { type Activity, MAX_REPORT_LENGTH } from "../../src/storage/activity.js";
import { createMemoryActivity } from "../../src/storage/memory/activity.js";
import { HOUR, MINUTE } from "../../src/time/clock.js";
import { recordedLog } from "../support/redis-deployment.js";

const NOON = Date.UTC(2026, 0, 2, 12);

function world() {
  const time = { now: NOON };
  const memory = createMemoryActivity({ clock: () => time.now });
  const away = { is: false };
  const store: Activity = {
    share: async (of) => (away.is ? Promise.reject(stateUnavailable()) : memory.share(of)),
    read: async () => (away.is ? Promise.reject(stateUnavailable()) : memory.read()),
  };
  const replica = (name: string) =>
    new ClientActivity({
      store,
      clock: () => time.now,
      log: recordedLog(),
      replica: name,
      describe: () => ({ name, version: "1", startedAt: NOON, settingsDigest: "d1", state: "ok" }),
      isClient: (id) => id.startsWith("spark"),
    });
  return { time, away, replica, memory };
}

test("what one replica noted, all know, with the instant since when uses are recorded", async () => {
  const { time, replica } = world();
  const [one, other] = [replica("one"), replica("other")];
  await one.share();
  time.now += HOUR;
  one.used("spark", "sha256:1a2b3c4d", true);
  one.used("spark", "env:OLD", false);
  time.now += MINUTE;
  other.used("spark-2", undefined, true);
  await one.share();
  const known = await other.known();
  expect(known.since).toBe(NOON);
  expect(known.lastToken("spark")).toBe(NOON + HOUR);
  expect(known.lastUse("spark", "sha256:1a2b3c4d")).toBe(NOON + HOUR);
  expect(known.lastUse("spark", "env:OLD")).toBe(NOON + HOUR);
  expect(known.lastToken("spark-2")).toBe(NOON + HOUR + MINUTE);
  expect(known.lastUse("spark", "env:NEVER")).toBeUndefined();
  expect([...known.clientIds].toSorted()).toEqual(["spark", "spark-2"]);
});

test("a kill loses less than a minute: it is shared twice as often, and once more at an orderly end", async () => {
  expect(SHARE_EVERY_MS).toBeLessThanOrEqual(MINUTE / 2);
  const { replica } = world();
  const ends = replica("ends");
  const end = ends.begin();
  ends.used("spark", undefined, true);
  await end();
  expect((await replica("stays").known()).lastToken("spark")).toBe(NOON);
});

test("while the store is away no use is known, none is said to be absent, and nothing noted is lost", async () => {
  const { away, replica } = world();
  const one = replica("one");
  one.used("spark", "s", true);
  one.refused("spark", "secret_wrong");
  away.is = true;
  const known = await one.known();
  expect(known.since).toBeUndefined();
  expect(known.refusals).toEqual(new Map([["spark", new Map([["secret_wrong", 1]])]]));
  away.is = false;
  expect((await one.known()).lastUse("spark", "s")).toBe(NOON);
});

test("refusals are those of the last hour, of all replicas, by client and reason; invented ids are nobody", async () => {
  const { time, replica } = world();
  const [one, other] = [replica("one"), replica("other")];
  one.refused("spark", "secret_expired");
  time.now += 30 * MINUTE;
  one.refused("spark", "secret_wrong");
  other.refused("spark", "secret_wrong");
  other.refused("made-up", "client_unknown");
  other.refused(undefined, "header_malformed");
  await one.share();
  expect((await other.known()).refusals).toEqual(
    new Map([
      [
        "spark",
        new Map([
          ["secret_expired", 1],
          ["secret_wrong", 2],
        ]),
      ],
      [
        "",
        new Map([
          ["client_unknown", 1],
          ["header_malformed", 1],
        ]),
      ],
    ]),
  );
  time.now += 30 * MINUTE;
  await one.share();
  expect((await other.known()).refusals.get("spark")).toEqual(new Map([["secret_wrong", 2]]));
});

test("a flood of refusals stays within a report, and is counted in full", async () => {
  const { replica, memory } = world();
  const one = replica("one");
  for (let at = 0; at < 5000; at++) one.refused(`spark-${at}-${"x".repeat(240)}`, "secret_wrong");
  const { refusals } = await one.known();
  expect(refusals.get("")?.get("secret_wrong")).toBeGreaterThan(2500);
  for (const { report } of (await memory.read()).reports.values()) {
    expect(report.length).toBeLessThanOrEqual(MAX_REPORT_LENGTH);
  }
});

test("replicas are known by what they last said of themselves; what no replica wrote is left out", async () => {
  const { replica, memory } = world();
  await replica("b").share();
  for (const report of ["", "{", "[]", '{"name":7}', `{"name":"${"x".repeat(300)}"}`]) {
    await memory.share({ replica: `odd ${report.slice(0, 9)}`, report, uses: new Map() });
  }
  const { replicas } = await replica("a").known();
  expect(replicas).toEqual([
    {
      name: "a",
      version: "1",
      startedAt: NOON,
      settingsDigest: "d1",
      state: "ok",
      refusals: new Map(),
      tokensLastHour: 0,
      saidAt: NOON,
    },
    {
      name: "b",
      version: "1",
      startedAt: NOON,
      settingsDigest: "d1",
      state: "ok",
      refusals: new Map(),
      tokensLastHour: 0,
      saidAt: NOON,
    },
  ]);
});
