/** Replicas share signing keys through starts, rotations, freezes and the absence of Redis. Mostly waiting: all at once. */
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { FORMS, claimsOf, textOf } from "../../chaos/client.js";
import type { FormCaller } from "../../chaos/form-caller.js";
import { replicaSettings } from "../../chaos/settings.js";
import { eventually } from "../support/eventually.js";
import { RedisProcess } from "../support/redis-process.js";
import { ServerProcess } from "../support/server-process.js";
import { Deployment, isReady } from "./deployment.js";

const QUICK_ROTATION = { rotate_every: "4s", publish_ahead: "2s" };
const CACHED_FOR_MS = 1000;

/** A fresh token by client credentials. */
async function tokenOf(caller: FormCaller): Promise<string> {
  const { outcome, body } = await caller.post({ what: "client_credentials", form: FORMS.clientCredentials });
  expect(outcome).toBe("ok");
  return textOf(body, "access_token");
}

function kidOf(token: string): string {
  return String(claimsOf(`.${token.split(".")[0]}`)["kid"]);
}

async function jwksOf({ url }: ServerProcess): Promise<JSONWebKeySet> {
  return (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
}

/** A key set as a verifier holds it: the last one that was fetched a second ago or earlier. */
class StaleVerifier {
  readonly #replica: ServerProcess;
  readonly #fetched: { readonly at: number; readonly jwks: JSONWebKeySet }[] = [];
  mostKeys = 0;

  constructor(replica: ServerProcess) {
    this.#replica = replica;
  }

  async fetch(): Promise<void> {
    const at = performance.now();
    const jwks = await jwksOf(this.#replica);
    this.mostKeys = Math.max(this.mostKeys, jwks.keys.length);
    this.#fetched.push({ at, jwks });
  }

  /** Throws if the token does not verify. */
  async verify(token: string, signedAt: number): Promise<void> {
    const held = this.#fetched.findLast(({ at }) => at <= signedAt - CACHED_FOR_MS);
    if (held === undefined) return;
    await jwtVerify(token, createLocalJWKSet(held.jwks));
  }
}

test.concurrent(
  "replicas that start at the same instant on an empty Redis sign with the same key, and the ring there is not in clear",
  async () => {
    await using deployment = await Deployment.start(2);
    const kids = await Promise.all(deployment.callers().map(async (caller) => kidOf(await tokenOf(caller))));
    expect(new Set(kids).size).toBe(1);
    const [jwk] = (await jwksOf(deployment.replica(0))).keys;
    expect(jwk?.kid).toBe(kids[0]);
    const link = deployment.redis.connect();
    const values = Object.values(await link.hgetall("icemint:1:{ring}:sealed"));
    link.disconnect();
    expect(values.join("").length, "the ring is there").toBeGreaterThan(100);
    for (const value of values) {
      for (const text of [value, Buffer.from(value, "base64").toString("latin1")]) expect(text).not.toContain(kids[0]);
    }
  },
  30_000,
);

test.concurrent(
  "while keys rotate every 4 s under load, each token verifies by what the other replica published a second before",
  async () => {
    await using deployment = await Deployment.start(2, { keys: QUICK_ROTATION });
    const kids = new Set<string>();
    const load = { isOver: false };
    const sides = [0, 1].map((index) => ({
      caller: deployment.caller(index),
      verifier: new StaleVerifier(deployment.replica(1 - index)),
    }));
    const fetching = sides.map(async ({ verifier }) => {
      for (; !load.isOver; await sleep(100)) await verifier.fetch();
    });
    const asking = sides.map(async ({ caller, verifier }) => {
      let live = await tokenOf(caller);
      for (; !load.isOver; await sleep(40)) {
        const fresh = await tokenOf(caller);
        const form = FORMS.exchange(live);
        const { outcome, body } = await caller.post({ what: "exchange", form, bearer: live });
        expect(outcome, "a live token refreshes").toBe("ok");
        live = textOf(body, "access_token");
        const at = performance.now();
        for (const token of [fresh, live]) {
          kids.add(kidOf(token));
          await verifier.verify(token, at);
        }
        load.isOver ||= kids.size >= 3;
      }
    });
    await Promise.all([...fetching, ...asking]);
    for (const { verifier } of sides) expect(verifier.mostKeys).toBeLessThanOrEqual(5);
  },
  40_000,
);

test.concurrent(
  "a leader that hangs for longer than its lease leaves one active key, and loses none",
  async () => {
    await using deployment = await Deployment.start(2, { keys: QUICK_ROTATION, tokens: { access_ttl: "1m" } });
    /** The replica that changed the ring: only the leader does. */
    const leads = (replica: ServerProcess): boolean => replica.stderr.includes("changed the key ring");
    await eventually("a leader has rotated", () => deployment.replicas.some(leads), 10_000);
    const leader = deployment.replicas.find(leads) ?? deployment.replica(0);
    const [other = leader] = deployment.replicas.filter((replica) => replica !== leader);
    const before = await tokenOf(deployment.caller(leader));

    leader.signal("SIGSTOP");
    const during: string[] = [];
    const rotates = async (): Promise<boolean> => {
      await sleep(200);
      during.push(await tokenOf(deployment.caller(other)));
      return new Set(during.map(kidOf)).size > 1;
    };
    await eventually("the other one takes over and rotates", rotates, 20_000);
    leader.signal("SIGCONT");

    const callers = [leader, other].map((replica) => deployment.caller(replica));
    await eventually("it is ready", () => isReady(leader));
    const bothSign = async (): Promise<readonly string[]> =>
      Promise.all(callers.map(async (caller) => kidOf(await tokenOf(caller))));
    await eventually("both sign with one key", async () => new Set(await bothSign()).size === 1, 1000);
    for (let look = 0; look < 15; look += 1) {
      const [mine, theirs] = await bothSign();
      // The two looks may fall on both sides of a change.
      if (mine !== theirs) {
        const again = await bothSign();
        expect(again[0], "both sign with one key").toBe(again[1]);
      }
      await sleep(200);
    }
    const published = await Promise.all([leader, other].map(jwksOf));
    for (const jwks of published) {
      for (const token of [before, ...during]) await jwtVerify(token, createLocalJWKSet(jwks));
    }
  },
  40_000,
);

describe.concurrent("a replica", () => {
  // SECURITY.md: "Private keys are sealed".
  test("with Redis and without a sealing key refuses to start, and says which setting it misses", async () => {
    await using redis = await RedisProcess.start();
    const settings = replicaSettings({ url: redis.url }, 3600);
    await expect(ServerProcess.start({ settings })).rejects.toThrow("ICEMINT_SEALING_KEY");
  });

  test("that starts while Redis is away serves client credentials from keys.cache_file, degraded; without it, it is not ready", async () => {
    const folder = mkdtempSync(join(tmpdir(), "icemint-cache-"));
    const keys = { cache_file: join(folder, "keys") };
    try {
      await using deployment = await Deployment.start(1, { keys });
      const kid = kidOf(await tokenOf(deployment.caller()));
      await deployment.redis.kill();

      const [cached, bare] = await Promise.all([
        deployment.another({}),
        deployment.another({ keys: { rotate_every: "30d" } }, false),
      ]);
      expect(kidOf(await tokenOf(deployment.caller(cached)))).toBe(kid);
      const page = await fetch(`${cached.adminUrl}/readyz?verbose`);
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("degraded")]);
      expect(await isReady(bare)).toBe(false);
      const refused = deployment.caller(bare).post({ what: "client_credentials", form: FORMS.clientCredentials });
      expect(await refused).toMatchObject({ outcome: "503", body: { error: "temporarily_unavailable" } });

      await deployment.redis.restart();
      await eventually("all are well when Redis is back", () => isReady(bare), 10_000);
      expect(kidOf(await tokenOf(deployment.caller(bare)))).toBe(kid);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 30_000);
});
