/** The inbound half of an edge before the whole server: from a settings file to the answer to a proxy. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { generateSecret } from "../../../src/config/clients/secret.js";
import { localDisk } from "../../../src/config/reading/disk.js";
import { realTime, startEdge } from "../../../src/edge/edge.js";
import { readEdgeSettings } from "../../../src/edge/settings/read.js";
import { Authorization } from "../../../src/gen/envoy/service/auth/v3/external_auth_pb.js";
import { createLogger } from "../../../src/telemetry/logger.js";
import { freePort } from "../../support/free-port.js";
import { type RunningApp, runApp } from "../../support/running-app.js";
import { recordedSink } from "../../telemetry/recorded-sink.js";

const ISSUER = "https://tokens.example.com";
const AUDIENCE = "https://catalog.example.com";
const secret = generateSecret(randomBytes);
const secrets = [{ sha256: createHash("sha256").update(secret).digest("hex") }];
let app: RunningApp;

beforeAll(async () => {
  const clients = [
    { id: "spark-etl", secrets, audiences: { allowed: [AUDIENCE], default: [AUDIENCE] } },
    { id: "edge", secrets: [{ sha256: createHash("sha256").update(`${secret}e`).digest("hex") }], grants: [] },
  ];
  const [spark, edge] = clients;
  app = await runApp({
    settings: { issuer: ISSUER, clients: [spark, { ...edge, permissions: ["watch_revocations"] }] },
  });
});
afterAll(() => app[Symbol.asyncDispose]());

async function token(): Promise<string> {
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: "spark-etl", client_secret: secret });
  const response = await fetch(`${app.url}/v1/oauth/tokens`, { method: "POST", body });
  return String(((await response.json()) as Record<string, unknown>)["access_token"]);
}

async function revoke(accessToken: string): Promise<void> {
  const body = new URLSearchParams({ token: accessToken, client_id: "spark-etl", client_secret: secret });
  expect((await fetch(`${app.url}/v1/oauth/revoke`, { method: "POST", body })).status).toBe(200);
}

async function edgeBefore(server: string) {
  const folder = mkdtempSync(join(tmpdir(), "icemint-edge-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "secret"), `${secret}e\n`);
  const settings = {
    server,
    credential: { client_id: "edge", secret_file: join(folder, "secret") },
    inbound: {
      ext_authz: "127.0.0.1:0",
      forward_auth: "127.0.0.1:0",
      path_header: "X-Forwarded-Uri",
      issuer: ISSUER,
      audience: AUDIENCE,
      rules: [{ path: "/v1/admin/*", scopes: ["admin"] }],
    },
    admin: "127.0.0.1:0",
  };
  writeFileSync(join(folder, "edge.yaml"), stringify(settings));
  const { sink, lines } = recordedSink();
  const logger = createLogger({ level: "debug", sink, clock: Date.now });
  const read = readEdgeSettings(join(folder, "edge.yaml"), localDisk);
  const edge = await startEdge(read, { ...realTime, version: "0.0.0", logger });
  onTestFinished(() => edge.drain(0));
  const { admin, ext_authz: extAuthz, forward_auth: forwardAuth } = edge.addresses;
  const page = async (path: string): Promise<string> => (await fetch(`http://${admin}${path}`)).text();
  const ready = (): Promise<void> =>
    expect
      .poll(() => page("/readyz"), { timeout: 10_000 })
      .toMatch(/^\[\+\] revocations ok \(known as of 0 s ago\)\nok\n$/);
  const verify = async (accessToken: string, path = "/v1/config"): Promise<number> => {
    const headers = { authorization: `Bearer ${accessToken}`, "x-forwarded-uri": path };
    return (await fetch(`http://${forwardAuth}/verify`, { headers })).status;
  };
  const envoy = createClient(Authorization, createGrpcTransport({ baseUrl: `http://${extAuthz}` }));
  const check = async (accessToken: string, path = "/v1/config"): Promise<number | undefined> => {
    const http = { path, headers: { authorization: `Bearer ${accessToken}` } };
    return (await envoy.check({ attributes: { request: { http } } })).status?.code;
  };
  return { page, ready, verify, check, lines };
}

test("allows a live token over gRPC and HTTP, by the rules, and refuses it as soon as its session is revoked", async () => {
  const { page, ready, verify, check, lines } = await edgeBefore(app.url);
  await ready();
  const [good, other] = [await token(), await token()];
  expect([await verify(good), await check(good)]).toEqual([200, 0]);
  expect([await verify(good, "/v1/admin"), await check(good, "/v1/admin")]).toEqual([403, 7]);
  expect([await verify(good, "/v1//x"), await check(good, "/v1//x")]).toEqual([400, 3]);
  await revoke(good);
  await expect.poll(() => verify(good), { timeout: 1000 }).toBe(401);
  expect([await check(good), await check(other)]).toEqual([16, 0]);

  const metrics = await page("/metrics");
  expect(metrics).toContain('icemint_edge_verdicts_total{asker="ext_authz",verdict="revoked"} 1\n');
  expect(metrics).toContain('icemint_edge_verdicts_total{asker="forward_auth",verdict="path"} 1\n');
  expect(metrics).toContain('icemint_edge_verdicts_total{asker="forward_auth",verdict="stale"} 0\n');
  expect(metrics).toMatch(/^icemint_edge_view_age_seconds \d/m);
  const log = lines.join("");
  expect(log).toContain('"fault":"revoked"');
  for (const part of [good, other, secret]) expect(log).not.toContain(part);
});

test("starts without the server, allows nothing, and says so", async () => {
  const { page, verify, check, lines } = await edgeBefore(`http://127.0.0.1:${await freePort()}`);
  const good = await token();
  expect([await verify(good), await check(good)]).toEqual([503, 14]);
  expect(await page("/readyz")).toBe("[-] revocations failing (not loaded)\nnot ready\n");
  expect(await page("/metrics")).not.toMatch(/^icemint_edge_view_age_seconds \d/m);
  await expect.poll(() => lines.join("")).toContain("could not be read; trying again");
});
