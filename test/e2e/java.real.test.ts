/**
 * Iceberg's Java client, unmodified, with its own refresh schedule, and nimbus-jose-jwt (which Spring Security uses),
 * against the built server. Real time passes here, in all tests at once.
 */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ServerProcess } from "../support/server-process.js";
import { javaEngine } from "./engines.js";
import { FakeCatalog } from "./fake-catalog.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { postForm } from "./http-exchange.js";
import { type IdentityProvider, createIdentityProvider, unsecuredJwt } from "./identity-provider.js";
import { verifyThroughRotations } from "./key-rotations.js";
import { LineProgram } from "./line-program.js";

const JWT = "urn:ietf:params:oauth:token-type:jwt";
const LIMIT_MS = 120_000;

const java = await javaEngine();

/** A server, a catalog that trusts it, and a JVM. */
interface Cast extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly catalog: FakeCatalog;
  readonly jvm: LineProgram;
  readonly secret: string;
  readonly provider: IdentityProvider;
  settings(more?: object): object;
}

async function cast(tokens: object): Promise<Cast> {
  const secret = generateSecret(randomBytes);
  const provider = await createIdentityProvider();
  const settings = (more: object = {}): object => ({
    tokens,
    trusted_issuers: [provider.settings],
    clients: [{ id: "svc", secrets: [hashed(secret)], unsecured_subjects: { allow: ["*@example.com"] }, ...more }],
  });
  const server = await ServerProcess.start({ settings: settings(), files: { "idp.jwks.json": provider.jwks } });
  const catalog = await FakeCatalog.start({ tokens: server.url });
  const jvm = "command" in java ? new LineProgram(java.command, java.args) : undefined;
  if (jvm === undefined) throw new Error("no JVM");
  return {
    server,
    catalog,
    jvm,
    secret,
    provider,
    settings,
    async [Symbol.asyncDispose]() {
      await jvm[Symbol.asyncDispose]();
      await catalog[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function hashed(secret: string): object {
  return { sha256: createHash("sha256").update(secret).digest("hex") };
}

async function start({ server, catalog, jvm, secret }: Cast, more: object = {}): Promise<void> {
  const properties = {
    uri: catalog.url,
    "oauth2-server-uri": `${server.url}/v1/oauth/tokens`,
    credential: `svc:${secret}`,
    ...more,
  };
  await jvm.resultOf({ do: "start", catalog: "prod", properties });
}

const LIST = { do: "list", catalog: "prod" };
const LISTED = "[db]";

/** What became of one listing. */
interface Listing {
  readonly afterMs: number;
  readonly failed: string | undefined;
}

/** Lists every quarter of a second for so long. */
async function listFor(forMs: number, jvm: LineProgram, question: object = LIST): Promise<readonly Listing[]> {
  const began = performance.now();
  const listings: Listing[] = [];
  while (performance.now() - began < forMs) {
    const answer = await jvm.ask(question);
    const failed = "error" in answer ? answer.error : undefined;
    listings.push({ afterMs: Math.round(performance.now() - began), failed });
    await sleep(250);
  }
  return listings;
}

function failures(listings: readonly Listing[]): readonly Listing[] {
  return listings.filter(({ failed }) => failed !== undefined);
}

function sessionsSeen(catalog: FakeCatalog): readonly unknown[] {
  return [...new Set(catalog.claims().map((claims) => claims["sid"]))];
}

/** What the audit says of every token. */
function audited(server: ServerProcess): readonly Readonly<Record<string, unknown>>[] {
  return server.log().filter(({ audit }) => audit === true);
}

const title = `Iceberg for Java 1.12.0${"missing" in java ? java.missing : ""}`;

// The longest come first: five run at a time.
describe.skipIf("missing" in java).concurrent(title, { timeout: LIMIT_MS }, () => {
  test("is told of the end of its session early enough to begin another without losing a request", async () => {
    // The last token has 4 s left when it is refused, and Java's six tries and its Basic take 3.3 s of them.
    await using all = await cast({ access_ttl: "40s", session_ttl: "77s" });
    await start(all);
    expect(failures(await listFor(83_000, all.jvm))).toEqual([]);
    expect(sessionsSeen(all.catalog)).toHaveLength(2);
  });

  test("lives on though its sessions are shorter than its retries: seconds are lost, never the client", async () => {
    await using all = await cast({ access_ttl: "8s", session_ttl: "24s" });
    await start(all);
    const listings = await listFor(60_000, all.jvm);
    const lost = failures(listings);
    // Two ends of a session, each within Java's 3.3 s of tries.
    expect(lost.length).toBeLessThan(32);
    expect(listings.slice(-4).map(({ failed }) => failed)).toEqual([undefined, undefined, undefined, undefined]);
    expect(sessionsSeen(all.catalog).length).toBeGreaterThanOrEqual(3);
  });

  test.each([
    { how: "id and secret", more: {} },
    { how: "the secret alone", more: "secret" },
    { how: "an empty scope", more: { scope: "" } },
    { how: "a dead token beside the credential", more: { token: "preset.access.token" } },
  ])("starts with $how", async ({ more }) => {
    await using all = await cast({});
    await start(all, typeof more === "string" ? { credential: all.secret } : more);
    expect(await all.jvm.resultOf(LIST)).toBe(LISTED);
    expect(all.catalog.claims().at(-1)).toMatchObject({ sub: "svc", scope: "catalog" });
  });

  test("shows a person our words when the secret is wrong", async () => {
    await using all = await cast({});
    const failed = start(all, { credential: "svc:wrong" });
    await expect(failed).rejects.toThrow(/NotAuthorizedException: Not authorized: invalid_client: .{20,}/);
  });

  test("refreshes by exchange with the live token as Bearer, in one session, and loses no request", async () => {
    await using all = await cast({ access_ttl: "12s" });
    await start(all);
    expect(failures(await listFor(26_000, all.jvm))).toEqual([]);
    expect(sessionsSeen(all.catalog)).toHaveLength(1);
    const refreshes = audited(all.server).filter(({ grant }) => grant === "token_exchange");
    expect(refreshes.length).toBeGreaterThanOrEqual(2);
    for (const record of refreshes) expect(record).toMatchObject({ via: "refresh", auth_method: "self" });
  });

  test("goes on by Basic with the expired token as subject, when the refresh comes too late", async () => {
    await using all = await cast({ access_ttl: "2s" });
    await start(all);
    // A life this short is over before 90 % of it: Java then uses Basic.
    const listings = await listFor(9000, all.jvm);
    const byBasic = audited(all.server).filter(
      ({ grant, auth_method: method }) => grant === "token_exchange" && method === "client_secret_basic",
    );
    expect(byBasic.length).toBeGreaterThanOrEqual(2);
    expect(sessionsSeen(all.catalog)).toHaveLength(1);
    expect(listings.length - failures(listings).length).toBeGreaterThan(failures(listings).length);
  });

  test("goes on by Bearer after its secret was taken away, until its session ends", async () => {
    await using all = await cast({ access_ttl: "12s" });
    await start(all);
    all.server.writeSettings(all.settings({ secrets: [hashed(generateSecret(randomBytes))] }));
    all.server.signal("SIGHUP");
    expect(failures(await listFor(26_000, all.jvm))).toEqual([]);
  });

  test("opens a session for a user by JWT, refreshed on its own, and one by unsecured JWT", async () => {
    await using all = await cast({ access_ttl: "12s" });
    await start(all);
    const ada = { session: "ada", credentials: { [JWT]: await all.provider.token("ada") } };
    const trino = unsecuredJwt({ sub: "bob@example.com", iss: "Trino", iat: Math.floor(Date.now() / 1000) });
    const bob = { session: "bob", credentials: { [JWT]: trino } };
    expect(await all.jvm.resultOf({ ...LIST, user: bob })).toBe(LISTED);
    expect(all.catalog.claims().at(-1)).toMatchObject({
      sub: "bob@example.com",
      act: { sub: "svc" },
      unsecured_subject: true,
    });
    expect(failures(await listFor(20_000, all.jvm, { ...LIST, user: ada }))).toEqual([]);
    const adas = all.catalog.claims().filter(({ sub }) => sub === "idp:ada");
    expect(new Set(adas.map(({ jti }) => jti)).size).toBeGreaterThanOrEqual(2);
    expect(new Set(adas.map((claims) => claims["sid"])).size).toBe(1);
    for (const claims of adas) expect(claims).toMatchObject({ client_id: "svc", act: { sub: "svc" } });
  });

  test("nimbus-jose-jwt, and so Spring Security, verifies our tokens", async () => {
    await using all = await cast({});
    const own = { grant_type: "client_credentials", client_id: "svc", client_secret: all.secret };
    const { access_token: token } = expectTokenSet(await postForm(all.server.url, own));
    const jwks = `${all.server.url}/.well-known/jwks.json`;
    const ask = { do: "verify", jwks_uri: jwks, issuer: all.server.url, audience: all.server.url, token };
    expect(await all.jvm.resultOf(ask)).toBe("svc");
    expect(await all.jvm.errorOf({ ...ask, audience: "https://other.example.com" })).toMatch(/BadJWTException/);
    await verifyThroughRotations((question) => all.jvm.resultOf({ do: "verify", ...question }));
  });
});
