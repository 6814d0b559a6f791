/** What operators are told of clients and replicas: the same by memory and by Redis. */
import { expect, onTestFinished, test } from "vitest";
import type { Deploy } from "../support/redis-deployment.js";
import { type Activity, MAX_USES, MAX_USES_AT_ONCE, REPORT_LIFE_MS } from "../../src/storage/activity.js";

export function activityContract(deploy: Deploy): void {
  /** Two replicas over one state, and the time of both. */
  async function open() {
    const time = { now: 1_790_000_000_000 };
    const deployment = deploy(() => time.now);
    onTestFinished(() => deployment[Symbol.asyncDispose]());
    const [one, other] = [(await deployment.replica()).activity, (await deployment.replica()).activity];
    return { one, other, time };
  }

  const share = (activity: Activity, uses: readonly (readonly [string, number])[], replica = "r1", report = "{}") =>
    activity.share({ replica, report, uses: new Map(uses) });

  test("the later of two uses counts, whichever is shared first", async () => {
    const { one, other } = await open();
    await share(one, [["spark\nfirst", 5000]]);
    await share(other, [
      ["spark\nfirst", 3000],
      ["since", 1],
    ]);
    expect((await one.read()).uses).toEqual(
      new Map([
        ["spark\nfirst", 5000],
        ["since", 1],
      ]),
    );
  });

  test("since when uses are recorded is the first sharing, for all replicas", async () => {
    const { one, other, time } = await open();
    const began = time.now;
    await share(one, []);
    time.now += 3600_000;
    await share(other, [["a", time.now]]);
    expect((await other.read()).since).toBe(began);
  });

  test("recording starts again where there are too many names, and says so", async () => {
    const { one, time } = await open();
    for (let at = 0; at < MAX_USES; at += MAX_USES_AT_ONCE) {
      await share(
        one,
        Array.from({ length: MAX_USES_AT_ONCE }, (_, index) => [`client-${at + index}`, 1] as const),
      );
    }
    expect((await one.read()).uses.size).toBe(MAX_USES);
    time.now += 1000;
    await share(one, [
      ["client-0", 2],
      ["one-more", 2],
    ]);
    expect(await one.read()).toMatchObject({
      since: time.now,
      uses: new Map([
        ["client-0", 2],
        ["one-more", 2],
      ]),
    });
  });

  test("each replica has its last report, until it says nothing for a while", async () => {
    const { one, other, time } = await open();
    await share(one, [], "r1", "first");
    await share(one, [], "r1", "second report");
    await share(other, [], "r2", "{}");
    expect(new Map([...(await one.read()).reports].map(([name, { report }]) => [name, report]))).toEqual(
      new Map([
        ["r1", "second report"],
        ["r2", "{}"],
      ]),
    );
    time.now += REPORT_LIFE_MS;
    await share(other, [], "r2", "{}");
    expect([...(await one.read()).reports.keys()]).toEqual(["r2"]);
  });
}
