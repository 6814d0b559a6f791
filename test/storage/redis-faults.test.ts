import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Storage } from "../../src/storage/storage.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { eventually } from "../support/eventually.js";
import { deployOnRedis, singleSettings } from "../support/redis-deployment.js";
import { breachesOf } from "../support/redis-history.js";
import type { Observation } from "../support/redis-history.js";
import { RedisProcess } from "../support/redis-process.js";
import { aSession } from "./revocation-log.contract.js";
import { HOUR, wholeSecond } from "../../src/time/clock.js";

const GRACE_MS = 200;

describe("the checker of histories", () => {
  const granted = (presented: number, at: number) =>
    ({ what: "granted", family: "f", presented, successor: presented + 1, calledAt: at, answeredAt: at + 1 }) as const;
  const limits = { graceMs: 100, stalenessMs: 1000 };
  test.each<[string, Observation[]]>([
    ["a token granted again after the grace window", [granted(0, 0), granted(0, 102)]],
    ["an older token granted after a newer one", [granted(0, 0), granted(1, 5), granted(0, 10)]],
    [
      "a grant after the family's revocation",
      [{ what: "family_revoked", family: "f", calledAt: 0, answeredAt: 1 }, granted(0, 2)],
    ],
    [
      "a session accepted beyond the staleness",
      [
        { what: "session_revoked", sessionId: "s", calledAt: 0, answeredAt: 1 },
        { what: "session_accepted", sessionId: "s", calledAt: 1002, answeredAt: 1002 },
      ],
    ],
  ])("finds %s", (_, history) => expect(breachesOf(history, limits)).toHaveLength(1));

  test("is content with repeats inside the grace window", () => {
    expect(breachesOf([granted(0, 0), granted(0, 50), granted(1, 60)], limits)).toEqual([]);
  });
});

test("while Redis is frozen, killed and restarted under the load of three replicas, no promise is broken", async () => {
  await using server = await RedisProcess.start({ config: ["appendonly", "yes", "appendfsync", "everysec"] });
  const policy = { graceMs: GRACE_MS, idleMs: 60_000 };
  await using deployment = deployOnRedis({ settings: singleSettings(server.url), policy, hasRealDeadline: true });
  const end = new AbortController();
  const replicas = await Promise.all([1, 2, 3].map(async () => following(await deployment.replica(), end.signal)));
  await eventually("all have read the log", () => replicas.every(({ table }) => table.ageMs() < 1000));

  const history: Observation[] = [];
  const over = new AbortController();
  const isOver = (): boolean => over.signal.aborted;
  const look = lookAtRevoked(replicas, history, isOver);
  const workers = Array.from({ length: 12 }, async (_, worker) => {
    while (!isOver()) await liveFamily(`${worker}-${crypto.randomUUID()}`, replicas, history, isOver);
  });
  for (const fault of [
    async () => {
      server.freeze();
      await sleep(600);
      server.thaw();
    },
    async () => {
      await server.kill();
      await sleep(200);
      await server.restart();
    },
  ]) {
    await sleep(700);
    await fault();
    await sleep(1000);
  }
  over.abort();
  await Promise.all([...workers, look]);

  expect(breachesOf(history, { graceMs: GRACE_MS, stalenessMs: 2500 })).toEqual([]);
  const late = following(await deployment.replica(), end.signal);
  await eventually("a late replica has read the log", () => late.table.ageMs() < Infinity);
  const revoked = history.filter((seen) => seen.what === "session_revoked");
  const lost = revoked.filter(({ sessionId }) => !late.table.covers(token(sessionId)));
  expect(lost, "a revocation that was answered is stored").toEqual([]);
  const grants = history.filter(({ what }) => what === "granted").length;
  expect(Math.min(grants, revoked.length), "the history is worth checking").toBeGreaterThan(20);
  end.abort();
});

interface Replica {
  readonly storage: Storage;
  readonly table: RevocationTable;
}

function following(storage: Storage, signal: AbortSignal): Replica {
  const table = new RevocationTable({ clock: Date.now });
  void storage.revocations.follow(table, signal);
  return { storage, table };
}

const token = (sessionId: string) => ({
  sessionIds: [sessionId],
  subject: "ann",
  clientId: "c",
  actors: [],
  startedAt: 0,
  kids: ["k"],
});

/** Keeps asking every replica about sessions that were revoked. */
async function lookAtRevoked(
  replicas: readonly Replica[],
  history: Observation[],
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    await sleep(25);
    const at = performance.now();
    const revoked = history.flatMap((seen) => (seen.what === "session_revoked" ? [seen.sessionId] : []));
    for (const sessionId of revoked) {
      if (replicas.every(({ table }) => table.covers(token(sessionId)))) continue;
      history.push({ what: "session_accepted", sessionId, calledAt: at, answeredAt: at });
    }
  }
}

/** A family's life: rotations on any replica, repeats and stolen tokens among them; in the end it is revoked. */
async function liveFamily(
  id: string,
  replicas: readonly Replica[],
  history: Observation[],
  isOver: () => boolean,
): Promise<void> {
  const { sessionId, expiresAt } = aSession(wholeSecond(Date.now()) + HOUR);
  const any = (): Replica => replicas[randomInt(replicas.length)] as Replica;
  const observe = async <T>(call: () => Promise<T>, saw: (answer: T) => Partial<Observation> | undefined) => {
    const calledAt = performance.now();
    const answer = await call().catch(() => undefined);
    const seen = answer === undefined ? undefined : saw(answer);
    if (seen !== undefined) history.push({ calledAt, answeredAt: performance.now(), ...seen } as Observation);
    return answer;
  };
  const family = { id, clientId: "c", sessionId, endsAt: Date.now() + 3_600_000, grant: "{}", mac: "m" };
  await any()
    .storage.families.create(family)
    .catch(() => {});
  let newest = 0;
  for (let use = 0; use < 12 && !isOver(); use += 1) {
    const presented = Math.max(0, newest - (randomInt(4) === 0 ? randomInt(3) : 0));
    const rotation = await observe(
      () => any().storage.families.rotate({ familyId: id, generation: presented, clientId: "c" }),
      (answer) =>
        "generation" in answer ? { what: "granted", family: id, presented, successor: answer.generation } : undefined,
    );
    if (rotation !== undefined && "generation" in rotation) newest = Math.max(newest, rotation.generation);
    await sleep(randomInt(20));
  }
  const revoked = async (): Promise<true> => {
    await any().storage.families.revoke(id);
    return true;
  };
  await observe(revoked, () => ({ what: "family_revoked", family: id }));
  await observe(
    () => any().storage.revocations.publish({ kind: "session", sessionId, expiresAt }, `owner-${id}`),
    () => ({ what: "session_revoked", sessionId }),
  );
  await observe(
    () => any().storage.families.rotate({ familyId: id, generation: newest, clientId: "c" }),
    (answer) =>
      "generation" in answer
        ? { what: "granted", family: id, presented: newest, successor: answer.generation }
        : undefined,
  );
}
