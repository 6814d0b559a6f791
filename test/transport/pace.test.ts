import { EventEmitter } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Exchange } from "../../src/transport/exchange.js";
import { Pace } from "../../src/transport/pace.js";

/** An exchange on a connection, of which only the connection matters. */
function exchangeOn(session: object): Exchange & { target: { destroyed: boolean } } {
  const target = Object.assign(new EventEmitter(), { session, destroyed: false }) as unknown as ServerHttp2Stream;
  return new Exchange({ headers: {}, rawHeaders: [], peerAddress: undefined }, target, () => {});
}

/** Begins work as the port does: at once if it may, later if it must. */
function start(pace: Pace, exchange: Exchange, work: () => void): void {
  if (pace.spend(1)) work();
  else pace.wait(exchange, 1, work);
}

describe("work in one turn of the event loop", () => {
  test("begins at once while it is little", () => {
    const pace = new Pace(() => {});
    let done = 0;
    for (let at = 0; at < 100; at++) start(pace, exchangeOn({}), () => done++);
    expect(done).toBe(100);
  });

  test("is so much and no more; all of it begins in the end", async () => {
    const pace = new Pace(() => {});
    const session = {};
    let done = 0;
    for (let at = 0; at < 1000; at++) start(pace, exchangeOn(session), () => done++);
    expect(done).toBe(128);
    await nextTurn();
    expect(done).toBeLessThanOrEqual(3 * 128);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(done).toBe(1000);
  });

  test("of a connection that asks for one thing does not wait for all of one that asks for a thousand", async () => {
    const pace = new Pace(() => {});
    const [flood, honest] = [{}, {}];
    let floodDone = 0;
    let doneBefore: number | undefined;
    for (let at = 0; at < 1000; at++) start(pace, exchangeOn(flood), () => floodDone++);
    start(pace, exchangeOn(honest), () => (doneBefore = floodDone));
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(doneBefore).toBeLessThan(3 * 128);
    expect(floodDone).toBe(1000);
  });

  test("does not begin for who is gone, and a fault fails its own exchange only", async () => {
    const failed: unknown[] = [];
    const pace = new Pace((exchange) => failed.push(exchange));
    const [gone, broken, good] = [exchangeOn({}), exchangeOn({}), exchangeOn({})];
    const log: string[] = [];
    pace.wait(gone, 1, () => log.push("gone"));
    pace.wait(broken, 1, () => {
      throw new Error("a bug");
    });
    pace.wait(good, 1, () => log.push("good"));
    gone.target.destroyed = true;
    await nextTurn();
    await nextTurn();
    expect(log).toEqual(["good"]);
    expect(failed).toEqual([broken]);
  });
});
