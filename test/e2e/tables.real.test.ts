/**
 * The whole: engines' own code, icemint, Envoy's `jwt_authn` and Iceberg's own REST catalog. Tables are made, written and read while
 * tokens of 20 s are renewed. Real time passes: all engines work at once.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ServerProcess } from "../support/server-process.js";
import { icebergEngine } from "./engines.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { postForm } from "./http-exchange.js";
import { IcebergCatalog } from "./support/iceberg-catalog.js";
import { type JwtProxy, envoy, startJwtProxy } from "./support/jwt-proxy.js";
import { duckDb, javaIceberg, pyIceberg } from "./support/table-clients.js";

const AUDIENCE = "https://catalog.example.com";
const ACCESS_TTL_SECONDS = 20;
const WORK_MS = 50_000;

const catalogEngine = await icebergEngine("Catalog");
const clients = [
  { id: "py", client: await pyIceberg() },
  { id: "java", client: await javaIceberg() },
  { id: "duck", client: await duckDb() },
];
const missing = "missing" in catalogEngine ? catalogEngine.missing : envoy.missing ? envoy.reason : undefined;

describe.skipIf(missing !== undefined)(`behind Envoy's jwt_authn${missing ?? ""}`, () => {
  const secret = generateSecret(randomBytes);
  let server: ServerProcess;
  let catalog: IcebergCatalog;
  let proxy: JwtProxy;

  beforeAll(async () => {
    const audiences = { allowed: [AUDIENCE, "https://other.example.com"], default: [AUDIENCE] };
    const settings = {
      tokens: { access_ttl: `${ACCESS_TTL_SECONDS}s` },
      clients: clients.map(({ id }) => ({
        id,
        audiences,
        secrets: [{ sha256: createHash("sha256").update(`${secret}${id}`).digest("hex") }],
        scopes: { allowed: ["catalog"], default: ["catalog"] },
      })),
    };
    server = await ServerProcess.start({ settings });
    catalog = await IcebergCatalog.start(catalogEngine);
    const plan = { issuer: server.url, audience: AUDIENCE, cacheSeconds: 60, backendPort: catalog.port };
    // A second, for clocks: with its own minute, no client would ever meet a refusal of an expired token.
    proxy = await startJwtProxy({ ...plan, clockSkewSeconds: 1 });
  });
  afterAll(async () => {
    await (proxy as JwtProxy | undefined)?.[Symbol.asyncDispose]();
    await (catalog as IcebergCatalog | undefined)?.[Symbol.asyncDispose]();
    await (server as ServerProcess | undefined)?.[Symbol.asyncDispose]();
  });

  /** The tokens of a client that the catalog has seen. */
  function tokensOf(id: string): ReadonlySet<string> {
    const bearers = catalog.requests().flatMap(({ headers }) => headers["authorization"] ?? []);
    const tokens = bearers.map((bearer) => decodeJwt(bearer.replace(/^Bearer /, "")));
    return new Set(tokens.filter(({ sub }) => sub === id).map(({ jti = "" }) => jti));
  }

  describe.concurrent("while tokens are renewed", { timeout: 240_000 }, () => {
    for (const { id, client } of clients) {
      const does = `${client.name} makes, writes and reads a table, and loses no row${client.missing ?? ""}`;
      test.skipIf(client.missing !== undefined)(does, async () => {
        await using program = client.start();
        const table = `${id}.numbers`;
        const properties = {
          uri: proxy.url,
          "oauth2-server-uri": `${server.url}/v1/oauth/tokens`,
          credential: `${id}:${secret}${id}`,
        };
        // DuckDB makes no folders: an object store has none.
        for (const part of ["data", "metadata"])
          mkdirSync(join(catalog.folder, id, "numbers", part), { recursive: true });
        await program.resultOf({ do: "start", catalog: "lake", table, properties });
        let rows = 0;
        for (const began = performance.now(); performance.now() - began < WORK_MS; await sleep(1000)) {
          expect(await program.resultOf({ do: "append", catalog: "lake", table, rows: 10 })).toBe(10);
          rows += 10;
        }
        expect(await program.resultOf({ do: "count", catalog: "lake", table })).toBe(rows);
        // 50 s of work cannot be done with two tokens of 20 s.
        expect(tokensOf(id).size).toBeGreaterThanOrEqual(3);
      });
    }
  });

  test("what has no token, or one for another audience, does not reach the catalog", async () => {
    const before = catalog.requests().length;
    const own = { grant_type: "client_credentials", client_id: "py", client_secret: `${secret}py` };
    const other = expectTokenSet(await postForm(server.url, { ...own, audience: "https://other.example.com" }));
    const ask = (headers: Record<string, string>) => fetch(`${proxy.url}/v1/config`, { headers });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: `Bearer ${other.access_token}` })).status).toBe(403);
    expect(catalog.requests()).toHaveLength(before);
    const right = expectTokenSet(await postForm(server.url, own));
    expect((await ask({ authorization: `Bearer ${right.access_token}` })).status).toBe(200);
  });
});
