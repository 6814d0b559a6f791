import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createJsonFetcher } from "../../src/issuers/fetch-json.js";
import { createIssuerKeys } from "../../src/issuers/keys.js";
import type { KeySource } from "../../src/issuers/key-source.js";
import { documentServer, type DocumentServer } from "./document-server.js";
import { signingKey } from "../tokens/signing-key.js";
import { fairNow } from "../support/fair-time.js";

const first = signingKey("ES256", "first");
const second = signingKey("ES256", "second");
const readText = (path: string): Promise<string> => readFile(path, "utf8");

function keeper() {
  const time = { now: 1_800_000_000_000 };
  const failures: unknown[] = [];
  const keys = createIssuerKeys({
    fetchJson: createJsonFetcher({ readFile: readText, timeoutMs: 500 }),
    readFile: readText,
    clock: () => time.now,
    onFailure: (_, error) => failures.push(error),
  });
  return { keys, time, failures };
}

function source(at: KeySource["at"], use: KeySource["use"] = "sig"): KeySource {
  return { at, caFile: undefined, tokenFile: undefined, use };
}

function serve(server: DocumentServer, keys: readonly unknown[], more: object = {}, maxAge = "max-age=60"): KeySource {
  server.answers.set("/jwks", { body: { keys, ...more }, headers: { "cache-control": maxAge } });
  return source({ kind: "uri", uri: `${server.url}/jwks` });
}

function breakDown(server: DocumentServer): void {
  server.answers.set("/jwks", { status: 503 });
}

describe("keys by URL", () => {
  test("are fetched once for any number of tokens", async () => {
    await using server = await documentServer();
    const { keys } = keeper();
    const at = serve(server, [first.jwk]);
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find(at, "ES256", "first")));
    expect(found.every((jwk) => jwk?.x === first.jwk["x"])).toBe(true);
    await keys.find(at, "ES256", "first");
    expect(server.seen).toHaveLength(1);
  });

  test("are found among a thousand, by kid; two of one kid are told apart by their algorithm, or not at all", async () => {
    await using server = await documentServer();
    const { keys } = keeper();
    const others = Array.from({ length: 1000 }, (_, at) => ({ ...second.jwk, kid: `other-${at}` }));
    const rsa = { ...first.jwk, alg: "ES384", crv: "P-384" };
    const at = serve(server, [
      ...others,
      rsa,
      first.jwk,
      { ...second.jwk, kid: "twice" },
      { ...first.jwk, kid: "twice" },
    ]);
    expect((await keys.find(at, "ES256", "first"))?.x).toBe(first.jwk["x"]);
    expect(await keys.find(at, "ES256", "twice")).toBeUndefined();
    expect(await keys.find(at, "ES256", undefined)).toBeUndefined();
  });

  test("are refreshed once they are older than their max-age", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const at = serve(server, [first.jwk]);
    await keys.find(at, "ES256", "first");
    serve(server, [second.jwk]);
    time.now += 120_000;
    expect(await keys.find(at, "ES256", "first")).toBeUndefined();
    expect(await keys.find(at, "ES256", "second")).toBeDefined();
    expect(server.seen).toHaveLength(2);
  });

  test("serve for a moment longer while new ones come, so that a slow issuer slows nobody down", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const at = serve(server, [first.jwk]);
    await keys.find(at, "ES256", "first");
    server.answers.set("/jwks", { silent: true });
    time.now += 61_000;
    const started = fairNow();
    expect(await keys.find(at, "ES256", "first")).toBeDefined();
    expect(fairNow() - started).toBeLessThan(250);
  });

  test.each([
    ["0 s, taken as 30 s", "max-age=0", 29_000, 1],
    ["0 s, taken as 30 s", "no-store, max-age=0", 61_000, 2],
    ["a year, taken as an hour", "max-age=31536000", 3_500_000, 1],
    ["a year, taken as an hour", "max-age=31536000", 7_300_000, 2],
    ["nothing, taken as 10 min", "private", 590_000, 1],
    ["nothing, taken as 10 min", "private", 1_210_000, 2],
  ])("hold for as long as their issuer says: %s (%s, after %i ms)", async (_, maxAge, waited, fetches) => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const at = serve(server, [first.jwk], {}, maxAge);
    await keys.find(at, "ES256", "first");
    time.now += waited;
    await keys.find(at, "ES256", "first");
    expect(server.seen).toHaveLength(fetches);
  });

  test("are asked for again when a token names an unknown one, but at most every 30 s", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const at = serve(server, [first.jwk], {}, "max-age=3600");
    await keys.find(at, "ES256", "first");
    serve(server, [first.jwk, second.jwk], {}, "max-age=3600");
    time.now += 29_999;
    for (let i = 0; i < 50; i++) expect(await keys.find(at, "ES256", `made-up-${i}`)).toBeUndefined();
    expect(server.seen).toHaveLength(1);
    time.now += 1;
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find(at, "ES256", "second")));
    expect(found.every((jwk) => jwk !== undefined)).toBe(true);
    expect(server.seen).toHaveLength(2);
  });

  test("are not asked for again because of a token that could be of several", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const at = serve(server, [first.jwk, second.jwk], {}, "max-age=3600");
    await keys.find(at, "ES256", "first");
    time.now += 60_000;
    expect(await keys.find(at, "ES256", undefined)).toBeUndefined();
    expect(server.seen).toHaveLength(1);
  });

  test("stay as they were while their issuer is down, which is asked every 30 s and reported", async () => {
    await using server = await documentServer();
    const { keys, time, failures } = keeper();
    const at = serve(server, [first.jwk]);
    await keys.find(at, "ES256", "first");
    breakDown(server);
    for (let hours = 0; hours < 20; hours++) {
      time.now += 3_600_000;
      expect(await keys.find(at, "ES256", "first")).toBeDefined();
      expect(await keys.find(at, "ES256", "first")).toBeDefined();
    }
    expect(server.seen).toHaveLength(21);
    expect(failures).toHaveLength(20);
  });

  test("that never came are temporarily_unavailable, and come a second after their issuer does", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    breakDown(server);
    const at = source({ kind: "uri", uri: `${server.url}/jwks` });
    const unavailable = { code: "temporarily_unavailable", reason: "ISSUER_UNAVAILABLE", retryAfterSeconds: 1 };
    await expect(keys.find(at, "ES256", "first")).rejects.toMatchObject(unavailable);
    await expect(keys.find(at, "ES256", "first")).rejects.toMatchObject(unavailable);
    expect(server.seen).toHaveLength(1);
    serve(server, [first.jwk]);
    time.now += 1000;
    expect(await keys.find(at, "ES256", "first")).toBeDefined();
  });

  test("are all revoked by an empty set", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const at = serve(server, [first.jwk]);
    await keys.find(at, "ES256", "first");
    serve(server, []);
    time.now += 120_000;
    expect(await keys.find(at, "ES256", "first")).toBeUndefined();
  });

  test("are not replaced by a document that is no key set", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const at = serve(server, [first.jwk]);
    await keys.find(at, "ES256", "first");
    server.answers.set("/jwks", { body: { error: "maintenance" } });
    time.now += 120_000;
    expect(await keys.find(at, "ES256", "first")).toBeDefined();
  });

  test("of a SPIFFE bundle are those for JWT-SVIDs, and hold as long as its hint says", async () => {
    await using server = await documentServer();
    const { keys, time } = keeper();
    const bundle = [
      { ...first.jwk, use: "jwt-svid" },
      { ...second.jwk, use: "x509-svid" },
    ];
    const { at } = serve(server, bundle, { spiffe_refresh_hint: 300 }, "no-cache");
    const spiffe = source(at, "jwt-svid");
    expect(await keys.find(spiffe, "ES256", "first")).toBeDefined();
    time.now += 299_000;
    await keys.find(spiffe, "ES256", "first");
    expect(server.seen).toHaveLength(1);
    time.now += 400_000;
    expect(await keys.find(spiffe, "ES256", "second")).toBeUndefined();
    expect(server.seen).toHaveLength(2);
  });
});

describe("keys by discovery", () => {
  test("are at the jwks_uri of the issuer's own document", async () => {
    await using server = await documentServer();
    const { keys } = keeper();
    serve(server, [first.jwk]);
    const document = { issuer: `${server.url}/`, jwks_uri: `${server.url}/jwks` };
    server.answers.set("/.well-known/openid-configuration", { body: document });
    const at = source({ kind: "discovery", issuer: `${server.url}/` });
    expect(await keys.find(at, "ES256", "first")).toBeDefined();
    expect(server.seen.map(({ url }) => url)).toEqual(["/.well-known/openid-configuration", "/jwks"]);
  });

  test.each([
    ["is of another issuer", (url: string) => ({ issuer: `${url}/other`, jwks_uri: `${url}/jwks` })],
    ["differs in a slash", (url: string) => ({ issuer: `${url}/`, jwks_uri: `${url}/jwks` })],
    ["has no issuer", (url: string) => ({ jwks_uri: `${url}/jwks` })],
    ["has no jwks_uri", (url: string) => ({ issuer: url })],
    ["has a jwks_uri that is no URL", (url: string) => ({ issuer: url, jwks_uri: "/jwks" })],
    ["has a jwks_uri that is a file", (url: string) => ({ issuer: url, jwks_uri: "file:///etc/passwd" })],
  ])("are not taken from a document that %s", async (_, document) => {
    await using server = await documentServer();
    const { keys } = keeper();
    serve(server, [first.jwk]);
    server.answers.set("/.well-known/openid-configuration", { body: document(server.url) });
    const at = source({ kind: "discovery", issuer: server.url });
    await expect(keys.find(at, "ES256", "first")).rejects.toMatchObject({ reason: "ISSUER_UNAVAILABLE" });
  });
});

describe("keys by file", () => {
  test("are read again within a second of a change; a broken file changes nothing", async () => {
    const directory = await mkdtemp(join(tmpdir(), "icemint-jwks-"));
    try {
      const path = join(directory, "jwks.json");
      const { keys, time, failures } = keeper();
      const at = source({ kind: "file", path });
      await expect(keys.find(at, "ES256", "first")).rejects.toMatchObject({ reason: "ISSUER_UNAVAILABLE" });
      await writeFile(path, JSON.stringify({ keys: [first.jwk] }));
      time.now += 1000;
      expect(await keys.find(at, "ES256", "first")).toBeDefined();
      await writeFile(path, JSON.stringify({ keys: [second.jwk] }));
      time.now += 2000;
      expect(await keys.find(at, "ES256", "first")).toBeUndefined();
      expect(await keys.find(at, "ES256", "second")).toBeDefined();
      await writeFile(path, "{");
      time.now += 2000;
      expect(await keys.find(at, "ES256", "second")).toBeDefined();
      expect(failures).toHaveLength(2);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
