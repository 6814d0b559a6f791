/** Every decision of every RPC is in the audit once: who asked, for what, and why not. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { createHash } from "node:crypto";
import { afterEach, beforeAll, afterAll, describe, expect, test } from "vitest";
import { KeyService } from "../../../src/gen/icemint/v1/key_service_pb.js";
import { TokenService } from "../../../src/gen/icemint/v1/token_service_pb.js";
import type { JsonObject } from "../../../src/oauth/json.js";
import { eventually } from "../../support/eventually.js";
import { type RunningApp, runApp } from "../../support/running-app.js";

const SECRET = "a-secret-of-more-than-24-characters";
const sha256 = createHash("sha256").update(SECRET).digest("hex");
const secretName = `sha256:${sha256.slice(0, 8)}`;
const basic = (id: string, secret = SECRET) => ({
  headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`, "x-request-id": "r-1" },
});

let running: RunningApp;
let seen = 0;
beforeAll(async () => {
  running = await runApp({
    settings: {
      issuer: "https://tokens.example.com",
      clients: [
        { id: "keeper", secrets: [{ sha256 }], permissions: ["rotate_keys", "watch_revocations"] },
        { id: "nobody-special", secrets: [{ sha256: createHash("sha256").update(`${SECRET}2`).digest("hex") }] },
      ],
    },
  });
});
afterAll(() => running[Symbol.asyncDispose]());

/** What was audited since it was last asked. */
function audited(): readonly JsonObject[] {
  const records = running.log.slice(seen).map((line): JsonObject => JSON.parse(line));
  seen = running.log.length;
  return records.filter(({ audit }) => audit === true);
}
afterEach(() => void audited());

const transports = {
  gRPC: () => createGrpcTransport({ baseUrl: running.url }),
  Connect: () => createConnectTransport({ baseUrl: running.url, httpVersion: "1.1" }),
};

describe.each(Object.entries(transports))("over %s", (_, transport) => {
  const keys = () => createClient(KeyService, transport());
  const asker = { client: "keeper", auth_method: "client_secret_basic", secret_name: secretName, request_id: "r-1" };
  const refused = { event: "operation_refused", address: "127.0.0.1", request_id: "r-1" };

  test("keys are listed, rotated and revoked by a client that is named", async () => {
    await keys().listKeys({}, basic("keeper"));
    expect(audited()).toEqual([expect.objectContaining({ event: "operated", operation: "list_keys", ...asker })]);
    const { key } = await keys().rotateKeys({}, basic("keeper"));
    expect(audited()).toEqual([
      expect.objectContaining({ event: "operated", operation: "rotate_keys", ...asker, id: key?.kid }),
    ]);
    await keys().revokeKey({ kid: key?.kid ?? "" }, basic("keeper"));
    expect(audited()).toEqual([
      expect.objectContaining({ event: "operated", operation: "revoke_key", ...asker, id: key?.kid }),
    ]);
  });

  test("a key that is not there is refused once, with its id", async () => {
    await expect(keys().revokeKey({ kid: "no-such-key" }, basic("keeper"))).rejects.toThrow(/No such key/);
    expect(audited()).toEqual([
      expect.objectContaining({
        ...refused,
        ...asker,
        operation: "revoke_key",
        id: "no-such-key",
        reason: "KEY_UNKNOWN",
      }),
    ]);
  });

  test("a wrong secret is refused once, with the client that was claimed and the cause", async () => {
    await expect(keys().rotateKeys({}, basic("keeper", "wrong"))).rejects.toThrow(/authentication failed/);
    const wrong = { client: "keeper", failure: "secret_wrong", error: "invalid_client", operation: "rotate_keys" };
    expect(audited()).toEqual([expect.objectContaining({ ...refused, ...wrong })]);
  });

  test("a client without the permission is refused once, by name", async () => {
    await expect(keys().listKeys({}, basic("nobody-special", `${SECRET}2`))).rejects.toThrow(/lacks permission/);
    const client = { client: "nobody-special", reason: "PERMISSION_MISSING", operation: "list_keys" };
    expect(audited()).toEqual([expect.objectContaining({ ...refused, ...client })]);
  });

  test("a follower of revocations is recorded when it begins, and when it may not", async () => {
    const stop = new AbortController();
    const tokens = createClient(TokenService, transport());
    const following = tokens.watchRevocations({}, { ...basic("keeper"), signal: stop.signal })[Symbol.asyncIterator]();
    expect((await following.next()).done).toBe(false);
    stop.abort();
    await expect(following.next()).rejects.toThrow(/aborted/);
    expect(audited()).toEqual([
      expect.objectContaining({ event: "operated", operation: "watch_revocations", ...asker }),
    ]);
    const watch = tokens.watchRevocations({}, basic("keeper", "wrong"))[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toThrow(/authentication failed/);
    const wrong = { client: "keeper", failure: "secret_wrong", operation: "watch_revocations" };
    expect(audited()).toEqual([expect.objectContaining({ ...refused, ...wrong })]);
  });
});

test("a message that cannot be read is refused once", async () => {
  const answer = await fetch(`${running.url}/icemint.v1.KeyService/RevokeKey`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "r-2" },
    body: '{"kid": 7}',
  });
  expect(answer.status).toBe(400);
  const unread = { event: "request_refused", endpoint: "revoke_key", request_id: "r-2", reason: "REQUEST_MALFORMED" };
  expect(audited()).toEqual([expect.objectContaining(unread)]);
});

test("a reload says what made it read the settings, and what is different, by name", async () => {
  const { app } = running;
  const { config } = running;
  const [keeper, other] = config.clients;
  if (keeper === undefined || other === undefined) throw new Error("the settings have two clients");
  app.reload({ ...config, clients: [keeper, { ...other, disabled: true }] }, "file");
  app.reload({ ...config, clients: [keeper] }, "signal");
  app.reloadFailed("signal", ["clients[0].id: is missing"]);
  const written = () => running.log.slice(seen).filter((line) => line.includes("settings_re")).length;
  await eventually("three records", () => written() === 3);
  const records = audited();
  expect(records).toContainEqual(
    expect.objectContaining({ event: "settings_reloaded", trigger: "file", clients_changed: ["nobody-special"] }),
  );
  expect(records).toContainEqual(
    expect.objectContaining({ event: "settings_reloaded", trigger: "signal", clients_removed: ["nobody-special"] }),
  );
  expect(records).toContainEqual(
    expect.objectContaining({ event: "settings_refused", trigger: "signal", problems: ["clients[0].id: is missing"] }),
  );
});
