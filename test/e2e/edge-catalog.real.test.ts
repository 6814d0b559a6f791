/**
 * Iceberg's own REST catalog, which checks nobody, behind Envoy and an edge. Engines get their tokens from an edge of their
 * own, without a secret. The times of an hour's token and an outage of ten minutes are divided by sixty.
 */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { FRONT_PROXIES, type FrontProxy } from "../edge/support/front-proxy.js";
import { ServerProcess } from "../support/server-process.js";
import { type SlowLink, startSlowLink } from "../support/slow-link.js";
import { icebergEngine } from "./engines.js";
import type { LineProgram } from "./line-program.js";
import { EdgeProcess } from "./support/edge-process.js";
import { IcebergCatalog } from "./support/iceberg-catalog.js";
import { javaIceberg, pyIceberg, type TableClient } from "./support/table-clients.js";

const AUDIENCE = "https://catalog.example.com";
const ACCESS_TTL_S = 60;
const OUTAGE_MS = 10_000;
/** More than the 5 s between two heartbeats. */
const MAX_STALENESS_MS = 7000;

const [envoy] = FRONT_PROXIES;
const catalogEngine = await icebergEngine("Catalog");
const clients = [await pyIceberg(), await javaIceberg()];
const [engineSecret, edgeSecret] = [generateSecret(randomBytes), generateSecret(randomBytes)];
const hashed = (secret: string) => [{ sha256: createHash("sha256").update(secret).digest("hex") }];

const missing = [envoy?.program.reason, "missing" in catalogEngine ? catalogEngine.missing : ""].join("");

/** Everything between an engine and its tables. */
interface World extends AsyncDisposable {
  readonly server: ServerProcess;
  /** Between both edges and the server. */
  readonly link: SlowLink;
  readonly catalog: IcebergCatalog;
  readonly gate: EdgeProcess;
  readonly proxy: FrontProxy;
  /** What engines are told. */
  readonly properties: Readonly<Record<string, string>>;
}

async function world(inbound: object): Promise<World> {
  const cleanUp = new AsyncDisposableStack();
  try {
    const audiences = { allowed: [AUDIENCE], default: [AUDIENCE] };
    const settings = {
      tokens: { access_ttl: `${ACCESS_TTL_S}s` },
      clients: [
        { id: "spark-etl", secrets: hashed(engineSecret), audiences },
        { id: "catalog-edge", secrets: hashed(edgeSecret), grants: [], permissions: ["watch_revocations"] },
      ],
    };
    const server = cleanUp.use(await ServerProcess.start({ settings }));
    const link = cleanUp.use(await startSlowLink(Number(new URL(server.url).port)));
    const catalog = cleanUp.use(await IcebergCatalog.start(catalogEngine));
    const at = { server: `http://127.0.0.1:${link.port}` };
    const tokens = [{ name: "lake", scope: "catalog", audience: AUDIENCE }];
    const outbound = { listen: "127.0.0.1:0", tokens };
    const beside = cleanUp.use(
      await EdgeProcess.start({ clientId: "spark-etl", secret: engineSecret, settings: { ...at, outbound } }),
    );
    const listen = { ext_authz: "127.0.0.1:0", issuer: server.url, audience: AUDIENCE };
    const gate = cleanUp.use(
      await EdgeProcess.start({
        clientId: "catalog-edge",
        secret: edgeSecret,
        settings: { ...at, inbound: { ...listen, ...inbound } },
      }),
    );
    if (envoy === undefined) throw new Error("no envoy");
    const extAuthzPort = gate.portOf("ext_authz");
    const proxy = cleanUp.use(await envoy.start({ upstreamPort: catalog.port, extAuthzPort, forwardAuthPort: 1 }));
    for (const edge of [beside, gate])
      await expect.poll(() => edge.page("/readyz"), { timeout: 15_000 }).toMatch(/\nok\n$/);
    const moved = cleanUp.move();
    return {
      server,
      link,
      catalog,
      gate,
      proxy,
      properties: {
        uri: proxy.url,
        credential: "nobody:nothing",
        scope: "catalog",
        "oauth2-server-uri": `http://127.0.0.1:${beside.portOf("outbound")}/v1/oauth/tokens`,
      },
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    };
  } catch (error) {
    await cleanUp.disposeAsync();
    throw error;
  }
}

const TABLE = { catalog: "lake", table: "db.t" };

/** A round of work: a commit and a scan. */
async function round(program: LineProgram, rows: number): Promise<unknown> {
  await program.resultOf({ do: "append", ...TABLE, rows });
  return program.resultOf({ do: "count", ...TABLE });
}

const bearerOf = (catalog: IcebergCatalog): string => catalog.requests().at(-1)?.headers["authorization"]?.[0] ?? "";

async function revoke({ server }: World, bearer: string): Promise<void> {
  const body = new URLSearchParams({ token: bearer.slice("Bearer ".length), client_id: "spark-etl" });
  body.set("client_secret", engineSecret);
  const answer = await fetch(`${server.url}/v1/oauth/revoke`, { method: "POST", body });
  expect(answer.status).toBe(200);
}

function suite(client: TableClient): void {
  test("writes and reads, and the catalog is told who calls; a revoked session is refused within a second", async () => {
    await using all = await world({});
    await using program = client.start();
    const { catalog, proxy } = all;
    await program.resultOf({ do: "start", properties: all.properties, ...TABLE });
    expect(await round(program, 100)).toBe(100);
    expect(await round(program, 23)).toBe(123);
    const told = catalog.requests().map(({ headers }) => [headers["x-icemint-client"], headers["x-icemint-scope"]]);
    expect(told.length).toBeGreaterThan(5);
    for (const identity of told) expect(identity).toEqual([["spark-etl"], ["catalog"]]);

    const authorization = bearerOf(catalog);
    const ask = async (): Promise<number> =>
      (await fetch(`${proxy.url}/v1/namespaces`, { headers: { authorization } })).status;
    expect(await ask()).toBe(200);
    await revoke(all, authorization);
    await expect.poll(ask, { timeout: 1000, interval: 20 }).toBe(401);
    const reached = catalog.requests().length;
    await program.ask({ do: "count", ...TABLE }); // whatever becomes of it, it is not by this session
    const later = catalog.requests().slice(reached);
    expect(later.filter(({ headers }) => headers["authorization"]?.includes(authorization))).toEqual([]);
  });

  test("no query fails while the token service is away for a sixth of a token's life, if a stale view may allow", async () => {
    await using all = await world({ max_staleness: "2s", when_stale: "allow" });
    await using program = client.start();
    await program.resultOf({ do: "start", properties: all.properties, ...TABLE });
    await round(program, 1);
    all.link.cut(true);
    const until = Date.now() + OUTAGE_MS;
    let rounds = 1;
    while (Date.now() < until) {
      rounds += 1;
      expect(await round(program, 1)).toBe(rounds);
    }
    expect(rounds).toBeGreaterThan(5);
    expect(await all.gate.metric("icemint_edge_view_age_seconds")).toBeGreaterThan(2);
    expect(await all.gate.page("/readyz")).toMatch(/revocations degraded .*\ndegraded\n$/);
  }, 120_000);
}

describe.skipIf(missing !== "")(`a catalog behind Envoy and an edge${missing}`, () => {
  for (const client of clients) {
    describe.skipIf(client.missing !== undefined)(`${client.name}${client.missing ?? ""}`, () => suite(client));
  }

  test('with "refuse", requests pass until the view is as old as the setting, are 503 from then on, and pass again after', async () => {
    await using all = await world({ max_staleness: `${MAX_STALENESS_MS / 1000}s`, when_stale: "refuse" });
    const form = { grant_type: "client_credentials", client_id: "x", client_secret: "y", scope: "catalog" };
    const tokens = all.properties["oauth2-server-uri"] ?? "";
    const answer = await fetch(tokens, { method: "POST", body: new URLSearchParams(form) });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const ask = () => fetch(`${all.proxy.url}/v1/namespaces`, { headers: { authorization: `Bearer ${token}` } });
    const age = () => all.gate.metric("icemint_edge_view_age_seconds");
    const limit = MAX_STALENESS_MS / 1000;

    all.link.cut(true);
    const seen = new Set<number>();
    for (let after = 0; after < limit + 1;) {
      const before = await age();
      const { status, headers } = await ask();
      after = await age();
      seen.add(status);
      if (before > limit) expect(status).toBe(503);
      if (after <= limit) expect(status).toBe(200);
      if (status === 503) expect(headers.get("retry-after")).toBe("1");
      await sleep(50);
    }
    expect([...seen]).toEqual([200, 503]);
    expect(await all.gate.page("/readyz")).toMatch(/revocations failing .*\nnot ready\n$/);

    all.link.cut(false);
    await expect.poll(async () => (await ask()).status, { timeout: 40_000, interval: 100 }).toBe(200);
  }, 90_000);
});
