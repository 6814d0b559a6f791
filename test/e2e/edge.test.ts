/** The built edge before the built server. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { post, send } from "../edge/edge-rig.js";
import { EdgeProcess } from "../support/edge-process.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/free-port.js";
import { ServerProcess } from "../support/server-process.js";

const secretOf = (id: string): string => `a-secret-of-${id}-alone-0123456789`;
const SECRET = secretOf("edge");
const WITHIN_MS = 15_000;
const client = (id: string, more: object = {}) => ({
  id,
  secrets: [{ sha256: createHash("sha256").update(secretOf(id)).digest("hex") }],
  scopes: { allowed: ["catalog", "other"], default: ["catalog"] },
  ...more,
});

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start({
    settings: {
      clients: [
        client("edge", { permissions: ["watch_revocations"] }),
        client("operator", { permissions: ["revoke"] }),
      ],
    },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const edgeOf = (url: string, outbound: object) => ({
  settings: {
    server: url,
    credential: { client_id: "edge", secret_file: "FOLDER/secret" },
    outbound,
    admin: "127.0.0.1:0",
  },
  files: { secret: `${SECRET}\n` },
});

const OWN = { grant_type: "client_credentials", client_id: "anything", client_secret: "anything", scope: "catalog" };

async function ready(edge: EdgeProcess): Promise<void> {
  await eventually(
    "the edge is ready",
    async () => (await send(edge.address("admin"), { path: "/readyz" })).status === 200,
    WITHIN_MS,
  );
}

function sessionOf(token: unknown): unknown {
  const [, payload = ""] = String(token).split(".");
  return (JSON.parse(Buffer.from(payload, "base64url").toString()) as { sid: unknown }).sid;
}

describe("the built edge", () => {
  test("drops a revoked token, and gives out one of another session, in its file too", async () => {
    const outbound = {
      listen: "127.0.0.1:0",
      tokens: [{ name: "lake", scope: "catalog", file: "FOLDER/lake.token", mode: "0640" }],
    };
    await using edge = await EdgeProcess.start(edgeOf(server.url, outbound));
    await ready(edge);
    const { json } = await post(edge.address("outbound"), OWN);
    const file = join(edge.folder, "lake.token");
    await eventually("the file is there", () => existsSync(file), WITHIN_MS);
    expect(readFileSync(file, "utf8")).toBe(json["access_token"]);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    const form = { token: String(json["access_token"]), client_id: "operator", client_secret: secretOf("operator") };
    const revoke = () => fetch(`${server.url}/v1/oauth/revoke`, { method: "POST", body: new URLSearchParams(form) });
    expect((await revoke()).status).toBe(200);
    const next = async () => sessionOf((await post(edge.address("outbound"), OWN)).json["access_token"]);
    await eventually("another session", async () => (await next()) !== sessionOf(json["access_token"]), WITHIN_MS);
    const isReplaced = () => existsSync(file) && readFileSync(file, "utf8") !== json["access_token"];
    await eventually("another in the file", isReplaced, WITHIN_MS);
    expect(edge.stderr).not.toContain(SECRET);
    expect(edge.stderr).not.toContain(json["access_token"]);
  });

  test("starts before its server, says so, and serves a socket that only its user and group may open", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const outbound = { listen: "unix:FOLDER/edge.sock", tokens: [{ name: "lake", scope: "catalog" }] };
    await using edge = await EdgeProcess.start(edgeOf(url, outbound));
    const admin = edge.address("admin");
    await eventually(
      "it says why",
      async () => (await send(admin, { path: "/readyz" })).body.includes("cannot be reached"),
      WITHIN_MS,
    );
    expect((await send(admin, { path: "/livez" })).status).toBe(200);
    const path = join(edge.folder, "edge.sock");
    expect(statSync(path).mode & 0o777).toBe(0o660);
    const early = post(`unix:${path}`, OWN, { host: "localhost" });
    await using late = await ServerProcess.start({
      settings: { clients: [client("edge")] },
      env: { ICEMINT_LISTEN: `127.0.0.1:${port}` },
    });
    await ready(edge);
    // A slow machine may start the server after the ten seconds of a held request.
    expect([200, 503]).toContain((await early).status);
    expect((await post(`unix:${path}`, OWN, { host: "localhost" })).status).toBe(200);
    expect((await post(`unix:${path}`, OWN, { host: "evil.example.com" })).status).toBe(403);
    await late.stop();
    expect(await edge.stop()).toEqual({ code: 0, signal: null });
    expect(existsSync(path)).toBe(false);
  });

  test("takes over the socket of a process that was killed, and not that of one that answers", async () => {
    await using first = await EdgeProcess.start(edgeOf(server.url, { listen: "unix:FOLDER/edge.sock" }));
    const path = join(first.folder, "edge.sock");
    const other = { listen: `unix:${path}` };
    await expect(EdgeProcess.start(edgeOf(server.url, other))).rejects.toThrow(/edge.sock is in use/);
    await first.stop("SIGKILL");
    expect(existsSync(path)).toBe(true);
    await using second = await EdgeProcess.start(edgeOf(server.url, other));
    expect((await post(`unix:${path}`, OWN, { host: "localhost" })).status).toBe(200);
    await second.stop();
  });

  test("ends in order: a request in flight is answered, and then no other", async () => {
    // It hears and never answers.
    let heard = "";
    const silent = createServer((socket) => {
      socket.on("error", () => {}).on("data", (chunk) => (heard += chunk.toString("latin1")));
    }).listen(0, "127.0.0.1");
    await new Promise((listening) => silent.once("listening", listening));
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await using edge = await EdgeProcess.start(edgeOf(`http://127.0.0.1:${port}`, { listen: "127.0.0.1:0" }));
    const held = post(edge.address("outbound"), OWN);
    await eventually("it is in flight", () => heard.includes("grant_type=client_credentials"), WITHIN_MS);
    const exit = edge.stop();
    await eventually(
      "no other is accepted",
      () =>
        post(edge.address("outbound"), OWN).then(
          () => false,
          () => true,
        ),
      WITHIN_MS,
    );
    expect(await held).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(await exit).toEqual({ code: 0, signal: null });
    silent.close();
  });

  test("does not start with settings that are wrong, and names each", async () => {
    const { settings } = edgeOf("http://tokens.example.com", { listen: "0.0.0.0:0" });
    await expect(EdgeProcess.start({ settings })).rejects.toThrow(
      /server must be https[^]*outbound\.hosts is required[^]*outbound\.secret_file is required/,
    );
  });
});
