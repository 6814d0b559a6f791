import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Revocable, Revocation } from "../../src/oauth/revocation.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { SECOND } from "../../src/time/clock.js";

const NOW = 1_790_000_000_000;

function aTable(time = { now: NOW }) {
  const table = new RevocationTable({ clock: () => time.now });
  const apply = (revocation: Revocation): boolean => table.apply({ cursor: "e.1-0", revocation });
  return { time, table, apply };
}

const newSid = (): string => randomBytes(16).toString("base64url");

const TOKEN: Revocable = {
  sessionIds: [newSid()],
  subject: "ann",
  clientId: "spark",
  actors: ["reports"],
  startedAt: NOW - 100 * SECOND,
  kids: ["k1"],
};

describe("what is covered", () => {
  const expiresAt = NOW + 100 * SECOND;
  const covering: Revocation[] = [
    { kind: "session", sessionId: TOKEN.sessionIds[0] ?? "", expiresAt },
    { kind: "subject", subject: "ann", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "client", clientId: "spark", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "client", clientId: "reports", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "client", clientId: "ann", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "client_prefix", prefix: "spa", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "client_prefix", prefix: "reports", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "client_prefix", prefix: "a", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "everything", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "key", kid: "k1", expiresAt },
  ];
  test.each(covering)("a token is covered by its own $kind until the revocation ends", (revocation) => {
    const { time, table, apply } = aTable();
    expect(table.covers(TOKEN)).toBe(false);
    apply(revocation);
    expect(table.covers(TOKEN)).toBe(true);
    time.now = expiresAt - 1;
    expect(table.covers(TOKEN)).toBe(true);
    time.now = expiresAt;
    expect(table.covers(TOKEN)).toBe(false);
    table.caughtUp(0);
    expect([...table.inForce()]).toEqual([]);
  });

  const sparing: Revocation[] = [
    { kind: "session", sessionId: newSid(), expiresAt },
    { kind: "subject", subject: "bob", notBefore: NOW, expiresAt },
    { kind: "subject", subject: "spark", notBefore: NOW, expiresAt },
    { kind: "subject", subject: "ann", notBefore: NOW - 101 * SECOND, expiresAt },
    { kind: "client", clientId: "ann", notBefore: NOW - 101 * SECOND, expiresAt },
    { kind: "client", clientId: "reports", notBefore: NOW - 101 * SECOND, expiresAt },
    { kind: "client_prefix", prefix: "spark", notBefore: NOW - 101 * SECOND, expiresAt },
    { kind: "client_prefix", prefix: "spark/", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "client_prefix", prefix: "park", notBefore: NOW - 100 * SECOND, expiresAt },
    { kind: "everything", notBefore: NOW - 101 * SECOND, expiresAt },
    { kind: "key", kid: "k2", expiresAt },
  ];
  test.each(sparing)("a token is spared by another's revocation, and by an earlier not-before: %o", (revocation) => {
    const { table, apply } = aTable();
    apply(revocation);
    expect(table.covers(TOKEN)).toBe(false);
  });

  test("an ancestor's revocation covers the session that grew from it", () => {
    const { table, apply } = aTable();
    const ancestor = newSid();
    apply({ kind: "session", sessionId: ancestor, expiresAt });
    expect(table.covers({ ...TOKEN, sessionIds: [newSid(), newSid(), ancestor] })).toBe(true);
  });

  test("of two not-before revocations the later instant counts, until the later end", () => {
    const { table, apply } = aTable();
    expect(apply({ kind: "subject", subject: "ann", notBefore: NOW, expiresAt: NOW + 10 * SECOND })).toBe(true);
    expect(apply({ kind: "subject", subject: "ann", notBefore: NOW - 50 * SECOND, expiresAt: NOW + 20 * SECOND })).toBe(
      true,
    );
    expect(apply({ kind: "subject", subject: "ann", notBefore: NOW - 60 * SECOND, expiresAt: NOW + 15 * SECOND })).toBe(
      false,
    );
    expect([...table.inForce()]).toEqual([
      { kind: "subject", subject: "ann", notBefore: NOW, expiresAt: NOW + 20 * SECOND },
    ]);
  });
});

test("the instant that a new session must begin after is the latest that concerns it, or 0", () => {
  const { time, table, apply } = aTable();
  const expiresAt = NOW + 100 * SECOND;
  expect(table.notBefore("ann", "spark", ["reports"])).toBe(0);
  apply({ kind: "everything", notBefore: NOW - 9 * SECOND, expiresAt });
  expect(table.notBefore("ann", "spark", ["reports"])).toBe(NOW - 9 * SECOND);
  apply({ kind: "subject", subject: "ann", notBefore: NOW - 5 * SECOND, expiresAt });
  expect(table.notBefore("ann", "spark", ["reports"])).toBe(NOW - 5 * SECOND);
  apply({ kind: "client", clientId: "reports", notBefore: NOW + 2 * SECOND, expiresAt });
  expect(table.notBefore("ann", "spark", ["reports"])).toBe(NOW + 2 * SECOND);
  expect(table.notBefore("ann", "spark", [])).toBe(NOW - 5 * SECOND);
  time.now = expiresAt;
  expect(table.notBefore("ann", "spark", ["reports"])).toBe(0);
});

test("the view's age counts from the last instant at which it was complete", () => {
  const { time, table } = aTable();
  expect(table.ageMs()).toBe(Infinity);
  table.caughtUp(NOW);
  time.now += 7 * SECOND;
  expect(table.ageMs()).toBe(7000);
});

test("what was not confirmed by a full read is what the log has lost", () => {
  const { table, apply } = aTable();
  const revocations = Array.from({ length: 500 }, (): Revocation => ({
    kind: "session",
    sessionId: newSid(),
    expiresAt: NOW + 50 * SECOND,
  }));
  const barred: Revocation = { kind: "client", clientId: "c", notBefore: NOW, expiresAt: NOW + 50 * SECOND };
  for (const revocation of [...revocations, barred]) apply(revocation);
  expect([...table.unconfirmed()]).toEqual([]);
  table.beginFullRead();
  expect([...table.unconfirmed()]).toHaveLength(501);
  for (const revocation of revocations.slice(1)) apply(revocation);
  expect([...table.unconfirmed()]).toEqual([barred, revocations[0]]);
});

test("session ids that are not 16 bytes in canonical base64url are told apart all the same", () => {
  const { table, apply } = aTable();
  const canonical = "AAAAAAAAAAAAAAAAAAAAAA";
  const odd = [
    "",
    "short",
    "AAAAAAAAAAAAAAAAAAAAAB",
    "AAAAAAAAAAAAAAAAAAAAA=",
    "ÿAAAAAAAAAAAAAAAAAAAAA",
    "☃".repeat(22),
  ];
  for (const sessionId of odd) {
    expect(apply({ kind: "session", sessionId, expiresAt: NOW + 5 * SECOND })).toBe(true);
    expect(table.covers({ ...TOKEN, sessionIds: [canonical] })).toBe(false);
    expect(table.covers({ ...TOKEN, sessionIds: [sessionId] })).toBe(true);
  }
  table.beginFullRead();
  expect([...table.unconfirmed()]).toHaveLength(odd.length);
});

test("under any history of sessions the table answers as a plain map does", () => {
  const pool = Array.from({ length: 60 }, newSid);
  const step = fc.record({
    sid: fc.constantFrom(...pool),
    lifeSeconds: fc.integer({ min: 1, max: 40 }),
    waitSeconds: fc.constantFrom(0, 0, 0, 1, 15),
    sweeps: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const { time, table, apply } = aTable({ now: NOW });
      const model = new Map<string, number>();
      for (const { sid, lifeSeconds, waitSeconds, sweeps } of steps) {
        time.now += waitSeconds * SECOND;
        const expiresAt = time.now + lifeSeconds * SECOND;
        apply({ kind: "session", sessionId: sid, expiresAt });
        model.set(sid, Math.max(model.get(sid) ?? 0, expiresAt));
        if (sweeps) for (let shard = 0; shard < 64; shard += 1) table.caughtUp(0);
      }
      for (const sid of pool) {
        expect(table.covers({ ...TOKEN, sessionIds: [sid] })).toBe((model.get(sid) ?? 0) > time.now);
      }
      const inForce = [...table.inForce()].map((revocation) => revocation.kind === "session" && revocation.sessionId);
      const expected = [...model].filter(([, end]) => end > time.now).map(([sid]) => sid);
      expect(inForce).toHaveLength(expected.length);
      expect(new Set(inForce)).toEqual(new Set(expected));
    }),
    { numRuns: 150 },
  );
});

test("going through what is in force misses nothing that was there, while the table grows under the reader", () => {
  const { table, apply } = aTable();
  const before = Array.from({ length: 3000 }, newSid);
  for (const sessionId of before) apply({ kind: "session", sessionId, expiresAt: NOW + 9 * SECOND });
  const seen = new Set<string>();
  for (const revocation of table.inForce()) {
    if (revocation.kind === "session") seen.add(revocation.sessionId);
    if (seen.size < 2000) {
      for (let more = 0; more < 5; more += 1)
        apply({ kind: "session", sessionId: newSid(), expiresAt: NOW + 9 * SECOND });
    }
  }
  expect(before.filter((sessionId) => !seen.has(sessionId))).toEqual([]);
});

test("a revocation of the next moment is dated past the sessions that another revocation dates ahead", () => {
  const { time, table, apply } = aTable();
  const expiresAt = NOW + 100 * SECOND;
  expect(table.latestStart("subject", "ann")).toBe(0);
  apply({ kind: "client", clientId: "spark", notBefore: NOW + 2 * SECOND, expiresAt });
  // Ann's session through spark is dated NOW + 3 * SECOND.
  expect(table.latestStart("subject", "ann")).toBe(NOW + 3 * SECOND);
  expect(table.latestStart("everything", "")).toBe(NOW + 3 * SECOND);
  apply({ kind: "subject", subject: "bob", notBefore: NOW + 3 * SECOND, expiresAt });
  expect(table.latestStart("subject", "bob")).toBe(NOW + 4 * SECOND);
  expect(table.latestStart("subject", "ann")).toBe(NOW + 3 * SECOND);
  expect(table.latestStart("client", "other")).toBe(NOW + 4 * SECOND);
  apply({ kind: "subject", subject: "bob", notBefore: NOW + 1000 * SECOND, expiresAt });
  expect(table.latestStart("subject", "bob")).toBe(NOW + 60 * SECOND);
  time.now = NOW + 5 * SECOND;
  expect(table.latestStart("subject", "ann")).toBe(0);
});

test("a key's revocation covers what grew from its tokens", () => {
  const { table, apply } = aTable();
  apply({ kind: "key", kid: "former", expiresAt: NOW + 100 * SECOND });
  expect(table.covers({ ...TOKEN, kids: ["k1", "older", "former"] })).toBe(true);
  expect(table.covers({ ...TOKEN, kids: [] })).toBe(false);
});

test("new sessions begin after an instant that bars the client in whose name they are", () => {
  const { table, apply } = aTable();
  apply({ kind: "client", clientId: "ann", notBefore: NOW + 2 * SECOND, expiresAt: NOW + 100 * SECOND });
  expect(table.notBefore("ann", "spark", ["reports"])).toBe(NOW + 2 * SECOND);
});

test("a session of a client whose prefix was revoked begins after the revocation, and followers hear of it", () => {
  const { table, apply } = aTable();
  const revocation: Revocation = {
    kind: "client_prefix",
    prefix: "shop/",
    notBefore: NOW + 2 * SECOND,
    expiresAt: NOW + 100 * SECOND,
  };
  expect(apply(revocation)).toBe(true);
  expect(table.notBefore("idp:ada", "gateway", ["gateway", "shop/orders"])).toBe(NOW + 2 * SECOND);
  expect(table.notBefore("idp:ada", "gateway", ["gateway", "shopping"])).toBe(0);
  expect([...table.inForce()]).toEqual([revocation]);
  expect(table.latestStart("everything", "")).toBe(NOW + 3 * SECOND);
});
