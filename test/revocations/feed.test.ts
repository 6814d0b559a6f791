import { randomBytes } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { OAuthError } from "../../src/oauth/error.js";
import type { Revocation } from "../../src/oauth/revocation.js";
import { RevocationFeed } from "../../src/revocations/feed.js";
import type { FeedEvent } from "../../src/revocations/feed.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { fairNow } from "../support/fair-time.js";
import { HOUR } from "../../src/time/clock.js";

const NOW = 1_790_000_000_000;
const HOUR_MS = 3_600_000;

afterEach(() => void vi.useRealTimers());

/** A replica's feed, and a log that is played into it: entries are a second apart. */
function aReplica(capacity = 100) {
  const feed = new RevocationFeed({ table: new RevocationTable({ clock: () => NOW }), capacity });
  let ms = NOW;
  const log = (revocation = aSession(), cursor = `epoch.${(ms += 1000)}-0`) => {
    feed.apply({ cursor, revocation });
    return { kind: "revocation", cursor, revocation } as const;
  };
  return { feed, log, caughtUp: (cursor = `epoch.${ms}-0`) => feed.caughtUp(NOW, cursor) };
}

function aSession(): Revocation {
  return { kind: "session", sessionId: randomBytes(16).toString("base64url"), expiresAt: NOW + HOUR };
}

/** Someone who follows, and reads when asked to. */
function aFollower(feed: RevocationFeed, cursor?: string) {
  const end = new AbortController();
  const events = feed.subscribe(cursor, end.signal);
  const read = async (): Promise<FeedEvent | undefined> => {
    const { done, value } = await events.next();
    return done === true ? undefined : value;
  };
  const readAll = async (count: number): Promise<(FeedEvent | undefined)[]> => {
    const all = [];
    for (let at = 0; at < count; at += 1) all.push(await read());
    return all;
  };
  return { read, readAll, end: () => end.abort() };
}

async function refusalOf(answer: Promise<unknown>): Promise<unknown> {
  const error = await answer.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OAuthError);
  return error;
}

test("a new follower gets all that is in force, then the mark, then what happens", async () => {
  const { feed, log, caughtUp } = aReplica();
  const [first, second] = [log(), log()];
  caughtUp();
  const follower = aFollower(feed);
  const snapshot = await follower.readAll(2);
  expect(new Set(snapshot.map((event) => event?.kind === "revocation" && event.revocation))).toEqual(
    new Set([first.revocation, second.revocation]),
  );
  expect(snapshot.map((event) => event?.cursor)).toEqual(["", ""]);
  expect(await follower.read()).toEqual({ kind: "caught_up", cursor: second.cursor });
  const next = follower.read();
  const live = log();
  expect(await next).toEqual(live);
});

test("nobody is told caught_up before this replica has read the whole log", async () => {
  const { feed, log, caughtUp } = aReplica();
  const follower = aFollower(feed);
  let isRead = false;
  const first = follower.read().finally(() => {
    isRead = true;
  });
  const { revocation } = log();
  await new Promise(setImmediate);
  expect(isRead).toBe(false);
  caughtUp();
  expect(await first).toEqual({ kind: "revocation", cursor: "", revocation });
  expect(await follower.read()).toMatchObject({ kind: "caught_up" });
});

test("what happens while the snapshot is being read comes after the mark", async () => {
  const { feed, log, caughtUp } = aReplica();
  const known = log();
  caughtUp();
  const follower = aFollower(feed);
  expect(await follower.read()).toMatchObject({ revocation: known.revocation });
  const live = log();
  let event = await follower.read();
  while (event?.kind === "revocation") event = await follower.read(); // perhaps in the snapshot as well
  expect(event).toEqual({ kind: "caught_up", cursor: known.cursor });
  expect(await follower.read()).toEqual(live);
});

test("a cursor resumes right after its event, on another replica too", async () => {
  const [one, other] = [aReplica(), aReplica()];
  const events = Array.from({ length: 5 }, () => one.log());
  for (const { cursor, revocation } of events) other.log(revocation, cursor);
  other.caughtUp();
  const follower = aFollower(other.feed, events[2]?.cursor);
  expect(await follower.readAll(3)).toEqual([events[3], events[4], { kind: "caught_up", cursor: events[4]?.cursor }]);
});

test("a cursor that is not of an event here resumes a minute earlier: nothing is missed", async () => {
  const { feed, log, caughtUp } = aReplica();
  const events = Array.from({ length: 90 }, () => log());
  caughtUp();
  const between = `epoch.${NOW + 80_500}-0`;
  const follower = aFollower(feed, between);
  expect(await follower.read()).toEqual(events[20]);
});

test("a cursor that is too old, of a lost log, or no cursor at all is gone", async () => {
  const { feed, log, caughtUp } = aReplica(10);
  const events = Array.from({ length: 100 }, () => log());
  caughtUp();
  const gone = [events[0]?.cursor, `other.${NOW}-0`, "nonsense", "epoch.1-0; DROP"];
  for (const cursor of gone) {
    expect(await refusalOf(aFollower(feed, cursor).read())).toMatchObject({ reason: "CURSOR_GONE" });
  }
});

test("after the log began a new epoch, cursors are of the new one", async () => {
  const { feed, log, caughtUp } = aReplica();
  log();
  caughtUp("newer.5-0");
  const follower = aFollower(feed);
  await follower.read();
  expect(await follower.read()).toEqual({ kind: "caught_up", cursor: "newer.5-0" });
});

test("a revocation that was known already is no event", async () => {
  const { feed, log, caughtUp } = aReplica();
  const known = log();
  caughtUp();
  const follower = aFollower(feed, known.cursor);
  expect(await follower.read()).toMatchObject({ kind: "caught_up" });
  const next = follower.read();
  log(known.revocation);
  const live = log();
  expect(await next).toEqual(live);
});

// SECURITY.md: "Everything is bounded".
test("a follower that lags behind by more than the ring is told so, and the ring does not grow for it", async () => {
  const { feed, log, caughtUp } = aReplica(10);
  caughtUp();
  const follower = aFollower(feed);
  expect(await follower.read()).toMatchObject({ kind: "caught_up" });
  for (let more = 0; more < 11; more += 1) log();
  expect(await refusalOf(follower.read())).toMatchObject({ code: "slow_down", reason: "CONSUMER_TOO_SLOW" });
  expect(feed.followers).toBe(0);
});

test("a heartbeat every five seconds says how old the view is", async () => {
  vi.useFakeTimers();
  const time = { now: NOW };
  const feed = new RevocationFeed({ table: new RevocationTable({ clock: () => time.now }) });
  feed.caughtUp(time.now, "epoch.0-0");
  const follower = aFollower(feed);
  await follower.read();
  const beat = follower.read();
  time.now += 1234;
  await vi.advanceTimersByTimeAsync(5000);
  expect(await beat).toEqual({ kind: "heartbeat", cursor: "epoch.0-0", viewAgeMs: 1234 });
});

test("following ends when its signal aborts, asleep or awake, and leaves nothing behind", async () => {
  const { feed, log, caughtUp } = aReplica();
  caughtUp();
  const followers = Array.from({ length: 3 }, () => aFollower(feed));
  const waiting = aFollower(new RevocationFeed({ table: new RevocationTable({ clock: () => HOUR_MS }) }));
  for (const follower of followers) await follower.read();
  expect(feed.followers).toBe(3);
  const reads = [...followers, waiting].map((follower) => follower.read());
  for (const follower of [...followers, waiting]) follower.end();
  expect(await Promise.all(reads)).toEqual([undefined, undefined, undefined, undefined]);
  log();
  expect(feed.followers).toBe(0);
});

test("5000 followers get an event within a second", async () => {
  const { feed, log, caughtUp } = aReplica();
  caughtUp();
  const followers = Array.from({ length: 5000 }, () => aFollower(feed));
  await Promise.all(followers.map((follower) => follower.read()));
  const reads = followers.map((follower) => follower.read());
  const begunAt = fairNow();
  const live = log();
  expect((await Promise.all(reads)).every((event) => event?.cursor === live.cursor)).toBe(true);
  expect(fairNow() - begunAt).toBeLessThan(1000);
  for (const follower of followers) follower.end();
});
