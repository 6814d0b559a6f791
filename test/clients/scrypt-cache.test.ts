import { Buffer } from "node:buffer";
import { randomBytes, scryptSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { clientSet } from "../../src/clients/client-registry.js";
import type { Client } from "../../src/clients/client.js";
import { createScryptCache, type ScryptSecret } from "../../src/clients/scrypt-cache.js";
import type { SlowHashQueue } from "../../src/clients/slow-hash-queue.js";
import { authenticatorOver, basic, BURST, client, digestOf, refusalOf, scryptOf } from "./fixtures.js";

const analyst = client("analyst", { secrets: [scryptOf("correct horse battery")] });
const spark = client("spark", { secrets: [digestOf("icm_generated")] });

function cacheOver(clients: readonly Client[]) {
  const registry = { current: clientSet(clients) };
  const time = { now: 0 };
  const counted = { runs: 0 };
  const hashed: ScryptSecret[] = [];
  const queue: SlowHashQueue = { run: (work) => (counted.runs++, work()) };
  const cache = createScryptCache({
    registry,
    queue,
    clock: () => time.now,
    random: randomBytes,
    derive(presented, secret) {
      hashed.push(secret);
      const { salt, hash, logN, r, p } = secret;
      const options = { cost: 2 ** logN, blockSize: r, parallelization: p };
      return Promise.resolve(scryptSync(presented, salt, hash.length, options));
    },
  });
  return { cache, registry, time, counted, hashed };
}

describe("a verdict on a chosen secret", () => {
  test("is RFC 7914's: its third test vector", async () => {
    const hash = Buffer.from(
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
      "hex",
    );
    const salt = Buffer.from("SodiumChloride");
    const vector = client("vector", {
      secrets: [{ kind: "scrypt", name: "chosen", logN: 14, r: 8, p: 1, salt, hash, expiresAt: undefined }],
    });
    const registry = { current: clientSet([vector]) };
    const queue: SlowHashQueue = { run: (work) => work() };
    const cache = createScryptCache({ registry, queue, clock: () => 0, random: randomBytes });
    expect(await cache.check(vector, "pleaseletmein")).toBe(vector.secrets[0]);
    expect(await cache.check(vector, "pleaseletmeout")).toBeUndefined();
  });

  test("is remembered when it was right, and only then", async () => {
    const { cache } = cacheOver([analyst]);
    expect(cache.remembers(analyst, "correct horse battery")).toBeUndefined();
    expect(await cache.check(analyst, "wrong")).toBeUndefined();
    expect(cache.remembers(analyst, "wrong")).toBeUndefined();
    expect(await cache.check(analyst, "correct horse battery")).toBe(analyst.secrets[0]);
    expect(cache.remembers(analyst, "correct horse battery")).toBe(analyst.secrets[0]);
    expect(cache.remembers(analyst, "correct horse batterY")).toBeUndefined();
  });

  test("is remembered for its own client only, even where another chose the same secret", async () => {
    const other = client("other", { secrets: [scryptOf("correct horse battery")] });
    const { cache } = cacheOver([analyst, other]);
    await cache.check(analyst, "correct horse battery");
    expect(cache.remembers(other, "correct horse battery")).toBeUndefined();
  });

  test("outlives a change of the settings for as long as the hash is in them", async () => {
    const { cache, registry } = cacheOver([analyst, spark]);
    await cache.check(analyst, "correct horse battery");
    registry.current = clientSet([analyst]);
    expect(cache.remembers(analyst, "correct horse battery")).toBe(analyst.secrets[0]);
    const another = client("analyst", { secrets: [scryptOf("correct horse battery")] });
    registry.current = clientSet([another]);
    expect(cache.remembers(another, "correct horse battery")).toBeUndefined();
    registry.current = clientSet([analyst]);
    expect(cache.remembers(analyst, "correct horse battery")).toBeUndefined();
  });

  test("does not outlive the secret", async () => {
    const expiring = client("expiring", { secrets: [scryptOf("soon gone", 4, 1000)] });
    const { cache, time } = cacheOver([expiring]);
    expect(await cache.check(expiring, "soon gone")).toBe(expiring.secrets[0]);
    time.now = 1000;
    expect(cache.remembers(expiring, "soon gone")).toBeUndefined();
    // It is found all the same, for the log, which says that it has expired.
    expect(await cache.check(expiring, "soon gone")).toMatchObject({ expiresAt: 1000 });
  });

  test("is reached once for any number that ask at the same time", async () => {
    const { cache, counted } = cacheOver([analyst]);
    const asked = Array.from({ length: 50 }, () => cache.check(analyst, "correct horse battery"));
    expect(await Promise.all(asked)).toEqual(Array(50).fill(analyst.secrets[0]));
    expect(counted.runs).toBe(1);
    await cache.check(analyst, "wrong");
    await cache.check(analyst, "wrong");
    expect(counted.runs).toBe(3);
  });

  test("takes the same hashes for any client: known or not, with one chosen secret, several or none", async () => {
    const two = client("two", { secrets: [scryptOf("first chosen"), scryptOf("second chosen")] });
    for (const asked of [two, analyst, spark, undefined]) {
      const { cache, hashed } = cacheOver([two, analyst, spark]);
      expect(await cache.check(asked, "guess")).toBeUndefined();
      expect(hashed.map(({ logN, r, p, salt, hash }) => [logN, r, p, salt.length, hash.length])).toEqual([
        [4, 8, 1, 16, 32],
        [4, 8, 1, 16, 32],
      ]);
    }
  });
});

describe("the work of a failure", () => {
  const cheap = client("cheap", { secrets: [scryptOf("chosen cheap", 3)] });
  const dear = client("dear", { secrets: [scryptOf("chosen dear", 6), scryptOf("older dear", 6, -1)] });
  const both = client("both", { secrets: [scryptOf("chosen both", 3), scryptOf("and dear", 6)] });

  test("is the same for clients whose hashes cost differently, expired ones included", async () => {
    for (const asked of [cheap, dear, both, spark, undefined]) {
      const { cache, hashed } = cacheOver([cheap, dear, both, spark]);
      expect(await cache.check(asked, "guess")).toBeUndefined();
      expect(hashed.map(({ logN }) => logN).toSorted((a, b) => a - b)).toEqual([3, 6, 6]);
    }
  });

  test("is done for each id that is claimed, also where two come with one secret at once", async () => {
    for (const [one, other] of [
      [analyst, undefined],
      [undefined, undefined],
      [spark, undefined],
    ]) {
      const { cache, counted } = cacheOver([analyst, spark]);
      const from = (claimedId: string) => ({ claimedId, origin: { address: "a", isNoisy: false } });
      await Promise.all([cache.check(one, "guess", from("a")), cache.check(other, "guess", from("b"))]);
      expect(counted.runs).toBe(2);
    }
  });
});

describe("a client with a chosen secret", () => {
  const right = { clientId: "analyst", clientSecret: "correct horse battery" };

  test("authenticates by form and by Basic, raw and encoded", async () => {
    const { authenticate } = authenticatorOver([analyst, spark]);
    expect(await authenticate(right)).toMatchObject({ client: { id: "analyst" }, method: "client_secret_post" });
    for (const text of [
      "analyst:correct horse battery",
      "analyst:correct+horse+battery",
      "analyst:correct%20horse%20battery",
    ]) {
      const { authenticate: fresh } = authenticatorOver([analyst]);
      expect(await fresh({ authorization: basic(text) })).toMatchObject({ client: { id: "analyst" } });
    }
  });

  test("is not found by the secret alone", async () => {
    const { authenticate } = authenticatorOver([analyst]);
    await authenticate(right);
    const attempt = authenticate({ clientSecret: right.clientSecret });
    expect(await refusalOf(attempt)).toMatchObject({ code: "invalid_client" });
  });

  test("whose secret was right before is never refused", async () => {
    const { authenticate } = authenticatorOver([analyst]);
    await authenticate(right);
    for (let i = 0; i < 2 * BURST; i++) await refusalOf(authenticate({ ...right, clientSecret: `guess ${i}` }));
    await expect(authenticate(right)).resolves.toBeDefined();
  });

  test("whose secret was never right is refused before hashing while there are too many failures, and only then", async () => {
    const { authenticate, time } = authenticatorOver([analyst]);
    for (let i = 0; i < BURST; i++) await refusalOf(authenticate({ ...right, clientSecret: `guess ${i}` }));
    expect(await refusalOf(authenticate(right))).toMatchObject({ code: "slow_down", retryAfterSeconds: 1 });
    await expect(authenticate(right, "192.0.2.2")).resolves.toBeDefined();
    time.now += 2000;
    await expect(authenticate(right)).resolves.toBeDefined();
  });

  // SECURITY.md: "Nobody locks a client out".
  test("cannot be switched off by ids that do not exist", async () => {
    const { authenticate } = authenticatorOver([analyst]);
    for (let i = 0; i < 2 * BURST; i++) await refusalOf(authenticate({ clientId: `x${i}`, clientSecret: "y" }));
    await expect(authenticate(right)).resolves.toBeDefined();
  });
});
