import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { OAuthError } from "../../src/oauth/error.js";
import type { Revocation } from "../../src/oauth/revocation.js";
import type { LoggedRevocation } from "../../src/storage/revocation-log.js";
import type { Storage } from "../../src/storage/storage.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { eventually } from "../support/eventually.js";
import type { Deploy } from "../support/redis-deployment.js";
import { SECOND } from "../../src/time/clock.js";

const START = 1_790_000_000_000;
const NOW = START;

/** A session's revocation. */
export function aSession(expiresAt = NOW + 3600 * SECOND): Extract<Revocation, { kind: "session" }> {
  return { kind: "session", sessionId: randomBytes(16).toString("base64url"), expiresAt };
}

/** A replica's view that also remembers what it was told. */
export class RecordingTable extends RevocationTable {
  readonly applied: LoggedRevocation[] = [];
  readonly cursors: string[] = [];

  override apply(event: LoggedRevocation): boolean {
    this.applied.push(event);
    return super.apply(event);
  }

  override caughtUp(at: number, cursor = ""): void {
    this.cursors.push(cursor);
    super.caughtUp(at);
  }
}

/** What every log of revocations must do. */
export function revocationLogContract(deploy: Deploy): void {
  describe("revocation log", () => {
    async function begin() {
      const time = { now: START };
      const deployment = deploy(() => time.now);
      const end = new AbortController();
      const [one, other] = [await deployment.replica(), await deployment.replica()];
      const follow = async (storage: Storage) => {
        const table = new RecordingTable({ clock: () => time.now });
        const ended = storage.revocations.follow(table, end.signal);
        await eventually("the log is read", () => table.ageMs() < Infinity);
        return { table, ended };
      };
      return {
        time,
        one,
        other,
        end,
        follow,
        async [Symbol.asyncDispose]() {
          end.abort();
          await deployment[Symbol.asyncDispose]();
        },
      };
    }

    test("what one replica publishes, another that follows learns within a second", async () => {
      await using shared = await begin();
      const { table } = await shared.follow(shared.other);
      const revocation = aSession();
      expect(await shared.one.revocations.publish(revocation, "spark")).toEqual(revocation);
      await eventually("the other knows", () => table.holds(revocation), 1000);
      expect(table.applied[0]?.cursor).toMatch(/^[\w-]+\.\d+-\d+$/);
    });

    test("a replica that starts later reads everything in force before it is caught up", async () => {
      await using shared = await begin();
      const revocations = Array.from({ length: 2500 }, () => aSession());
      for (let at = 0; at < 2500; at += 500) {
        const batch = revocations.slice(at, at + 500);
        await Promise.all(batch.map((revocation) => shared.one.revocations.publish(revocation, "spark")));
      }
      const { table } = await shared.follow(shared.other);
      expect(revocations.every((revocation) => table.holds(revocation))).toBe(true);
    });

    test("a rule's prefix, and a derived id of 255 characters, arrive as they were published", async () => {
      await using log = await begin();
      const { table } = await log.follow(log.other);
      const id = `shop/${"a".repeat(250)}`;
      await log.one.revocations.publish(
        { kind: "client_prefix", prefix: "web/", notBefore: 0, expiresAt: NOW + 3600 * SECOND },
        "ops",
      );
      await log.one.revocations.publish(
        { kind: "client", clientId: id, notBefore: 0, expiresAt: NOW + 3600 * SECOND },
        "ops",
      );
      await eventually("both have arrived", () => table.size === 2);
      expect(table.notBefore("web/x", "web/x", [])).toBeGreaterThan(NOW);
      expect(table.notBefore(id, id, [])).toBeGreaterThan(NOW);
    });

    test("a replica that follows sees its own publication as soon as it is acknowledged", async () => {
      await using shared = await begin();
      const { table } = await shared.follow(shared.one);
      for (let round = 0; round < 20; round += 1) {
        const revocation = aSession();
        await shared.one.revocations.publish(revocation, "spark");
        expect(table.holds(revocation)).toBe(true);
      }
    });

    test("not-before kinds are stamped two seconds ahead of the store's clock, unless they are later already", async () => {
      await using shared = await begin();
      const expiresAt = NOW + 3600 * SECOND;
      const client = { kind: "client", clientId: "spark", notBefore: 0, expiresAt } as const;
      const subject = { kind: "subject", subject: "ann ☃", notBefore: NOW + 50 * SECOND, expiresAt } as const;
      const { table } = await shared.follow(shared.other);
      const stored = await shared.one.revocations.publish(client, "operator");
      expect(stored).toEqual({ ...client, notBefore: NOW + 2 * SECOND, expiresAt: expiresAt + 60 * SECOND });
      expect(await shared.one.revocations.publish(subject, "operator")).toMatchObject({ notBefore: NOW + 50 * SECOND });
      const everything = { kind: "everything", notBefore: 0, expiresAt } as const;
      expect(await shared.one.revocations.publish(everything, "operator")).toMatchObject({
        notBefore: NOW + 2 * SECOND,
      });
      const key = { kind: "key", kid: "k1", expiresAt } as const;
      expect(await shared.one.revocations.publish(key, "operator")).toEqual(key);
      await eventually("the other knows all four", () => [...table.inForce()].length === 4);
      expect(new Set([...table.inForce()].map(({ kind }) => kind)).size).toBe(4);
      expect(table.notBefore("ann ☃", "", [])).toBe(NOW + 50 * SECOND);
    });

    test("what is in the log already is not logged again, unless it must be in force for longer", async () => {
      await using shared = await begin();
      const { table } = await shared.follow(shared.one);
      const revocation = aSession();
      for (let round = 0; round < 5; round += 1) await shared.one.revocations.publish(revocation, "spark");
      expect(table.applied).toHaveLength(1);
      await shared.one.revocations.publish({ ...revocation, expiresAt: revocation.expiresAt + SECOND }, "spark");
      expect(table.applied).toHaveLength(2);
    });

    test("an owner has at most 10,000 in force, racers included; another owner is free, and so is later", async () => {
      await using shared = await begin();
      const publish = (owner: string, expiresAt = NOW + 600 * SECOND): Promise<Revocation> =>
        shared.one.revocations.publish(aSession(expiresAt), owner);
      for (let batch = 0; batch < 20; batch += 1) {
        await Promise.all(Array.from({ length: batch < 19 ? 500 : 490 }, () => publish("greedy")));
      }
      const racers = await Promise.allSettled(Array.from({ length: 40 }, () => publish("greedy")));
      expect(racers.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
      const refusal = await publish("greedy").catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(OAuthError);
      expect(refusal).toMatchObject({ code: "slow_down", reason: "QUOTA_EXCEEDED" });
      await publish("modest");
      shared.time.now += 600_000 + 600_000;
      await publish("greedy", NOW + 7200 * SECOND);
    });

    test("following ends when its signal aborts", async () => {
      await using shared = await begin();
      const { ended } = await shared.follow(shared.one);
      shared.end.abort();
      await ended;
    });
  });
}
