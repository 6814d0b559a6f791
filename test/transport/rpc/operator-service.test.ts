/** What an operator with `observe` sees over gRPC and Connect, and who does not. */
import { createHash } from "node:crypto";
import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeyService } from "../../../src/gen/icemint/v1/key_service_pb.js";
import { OperatorService } from "../../../src/gen/icemint/v1/operator_service_pb.js";
import { TokenService } from "../../../src/gen/icemint/v1/token_service_pb.js";
import { DAY, HOUR } from "../../../src/time/clock.js";
import { type RunningApp, runApp } from "../../support/running-app.js";

const STARTED = Date.UTC(2026, 0, 2, 12);
const secretOf = (id: string) => `the-secret-of-${id}-0123456789`;
const sha256 = (id: string) => createHash("sha256").update(secretOf(id)).digest("hex");
const basic = (id: string, secret = secretOf(id)) => ({
  headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` },
});
const at = (ms: number) => new Date(ms).toISOString();

let running: RunningApp;
beforeAll(async () => {
  running = await runApp({
    frozenAt: STARTED,
    env: { ETL_SECRET: secretOf("etl-by-variable") },
    settings: {
      issuer: "https://tokens.example.com",
      clients: [
        { id: "watcher", secrets: [{ sha256: sha256("watcher") }], permissions: ["observe"] },
        { id: "keeper", secrets: [{ sha256: sha256("keeper") }], permissions: ["rotate_keys", "revoke"] },
        {
          id: "etl",
          name: "Nightly ETL",
          secrets: [{ sha256: sha256("etl"), expires: at(STARTED + 10 * DAY) }, { env: "ETL_SECRET" }],
        },
        { id: "gone", secrets: [{ sha256: sha256("gone"), expires: at(STARTED + 5 * DAY) }], disabled: true },
      ],
    },
  });
});
afterAll(() => running[Symbol.asyncDispose]());

const transports = {
  gRPC: () => createGrpcTransport({ baseUrl: running.url }),
  Connect: () => createConnectTransport({ baseUrl: running.url, httpVersion: "1.1" }),
};

describe.each(Object.entries(transports))("over %s", (_, transport) => {
  const operator = () => createClient(OperatorService, transport());
  const tokens = () => createClient(TokenService, transport());
  const grant = { case: "clientCredentials", value: {} } as const;

  test("clients are listed with their secrets, their last use and why they were refused", async () => {
    running.pass(3600);
    await tokens().getToken({ grant }, basic("etl"));
    await expect(tokens().getToken({ grant }, basic("etl", "wrong"))).rejects.toThrow(/authentication failed/);
    const { clients, usesRecordedSince, nextPageToken } = await operator().listClients({}, basic("watcher"));
    expect(nextPageToken).toBe("");
    expect(clients.map(({ id }) => id)).toEqual(["etl", "gone", "keeper", "watcher"]);
    expect(usesRecordedSince && timestampMs(usesRecordedSince)).toBe(STARTED);
    const [etl, gone] = clients;
    expect(etl).toMatchObject({ name: "Nightly ETL", disabled: false, grants: expect.any(Array), hasKeys: false });
    expect(etl?.secrets.map(({ name }) => name)).toEqual([`sha256:${sha256("etl").slice(0, 8)}`, "env:ETL_SECRET"]);
    const [used, unused] = etl?.secrets ?? [];
    expect(used?.lastUseTime && timestampMs(used.lastUseTime)).toBeGreaterThanOrEqual(STARTED + HOUR);
    expect(unused?.lastUseTime).toBeUndefined();
    expect(etl?.lastTokenTime).toEqual(used?.lastUseTime);
    expect(etl?.refusals[0]).toMatchObject({ reason: "secret_wrong" });
    expect(gone?.disabled).toBe(true);
    expect(gone?.lastTokenTime).toBeUndefined();
    const everything = JSON.stringify(clients, (_name, value: unknown) => (typeof value === "bigint" ? 0 : value));
    for (const id of ["etl", "watcher"]) expect(everything).not.toContain(sha256(id));
  });

  test("only those with a secret that ends soon are listed where that is asked, and disabled ones are not", async () => {
    const soon = async (ms: number) =>
      (await operator().listClients({ expiringWithin: durationFromMs(ms) }, basic("watcher"))).clients.map(
        ({ id }) => id,
      );
    expect(await soon(30 * DAY)).toEqual(["etl"]);
    expect(await soon(2 * DAY)).toEqual([]);
  });

  test("pages follow each other without a gap or a repeat", async () => {
    const ids: string[] = [];
    let pageToken = "";
    do {
      const page = await operator().listClients({ pageSize: 1, pageToken }, basic("watcher"));
      ids.push(...page.clients.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(ids).toEqual(["etl", "gone", "keeper", "watcher"]);
    await expect(operator().listClients({ pageSize: 501 }, basic("watcher"))).rejects.toThrow(/page_size/);
  });

  test("revocations in force are listed, the broad ones first, with how many there are", async () => {
    const session = "c".repeat(22);
    await tokens().revokeToken({ target: { case: "session", value: session } }, basic("keeper"));
    await tokens().revokeToken({ target: { case: "subject", value: "idp:ann" } }, basic("keeper"));
    const { revocations, counts } = await operator().listRevocations({}, basic("watcher"));
    expect(revocations.map(({ kind, id }) => [kind, id])).toEqual([
      ["subject", "idp:ann"],
      ["session", session],
    ]);
    expect(revocations[0]?.notBeforeTime).toBeDefined();
    expect(counts.map(({ kind, count }) => [kind, Number(count)])).toEqual([
      ["subject", 1],
      ["session", 1],
    ]);
    expect((await operator().listRevocations({ pageSize: 1 }, basic("watcher"))).revocations).toHaveLength(1);
  });

  test("observe looks and changes nothing; without it nobody looks, but that rotate_keys may list keys", async () => {
    const keys = createClient(KeyService, transport());
    await expect(keys.listKeys({}, basic("watcher"))).resolves.toMatchObject({ keys: [{}] });
    await expect(keys.listKeys({}, basic("keeper"))).resolves.toMatchObject({ keys: [{}] });
    await expect(keys.rotateKeys({}, basic("watcher"))).rejects.toThrow(/lacks permission 'rotate_keys'/);
    await expect(operator().listClients({}, basic("keeper"))).rejects.toThrow(/lacks permission 'observe'/);
    await expect(operator().listRevocations({}, basic("etl"))).rejects.toThrow(/lacks permission 'observe'/);
    await expect(operator().listClients({}, basic("watcher", "wrong"))).rejects.toThrow(/authentication failed/);
  });

  test("its own token is enough to look", async () => {
    const { accessToken } = await tokens().getToken({ grant }, basic("watcher"));
    const bearer = { headers: { authorization: `Bearer ${accessToken}` } };
    await expect(operator().listClients({}, bearer)).resolves.toMatchObject({ nextPageToken: "" });
  });
});
