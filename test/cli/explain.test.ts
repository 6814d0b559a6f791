/** `icemint explain`: from a log to plain sentences, on records that the audit itself writes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { explain } from "../../src/cli/explain.js";
import { invalidCredentials, invalidRequest, toOAuthError } from "../../src/oauth/error.js";
import { type Decision, newAsker, newDecision } from "../../src/oauth/events.js";
import type { Caller } from "../../src/oauth/request.js";
import { createEvents } from "../../src/telemetry/events.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { createMetrics } from "../../src/telemetry/metrics.js";
import { recordedSink } from "../telemetry/recorded-sink.js";

const NOON = Date.UTC(2026, 0, 2, 12);
const SESSION = "-GdWi7TgT0uMZ1y8kq2bXw";
const caller = (requestId: string): Caller => ({ requestId, transport: "grpc", address: "192.0.2.7" });

let folder: string;
let log: string;

/** What the server writes about these. */
function audit(): string {
  let now = NOON;
  const clock = () => (now += 1000);
  const { sink, lines } = recordedSink();
  const logger = createLogger({ level: "info", sink, clock });
  const metrics = createMetrics({ version: "1", clock, sources: {}, faults: () => logger.faults });
  const events = createEvents({ sink, logger, metrics, clock });
  const issued: Decision = {
    ...newDecision(caller("r-issued"), "token_exchange"),
    via: "delegation",
    clientId: "spark",
    authMethod: "client_secret_basic",
    secretName: "env:SPARK",
    subject: "idp:ann",
    actors: ["spark", "reports"],
    scope: ["catalog"],
    audience: ["https://catalog.example.com"],
    sessionId: SESSION,
    tokenId: "jti-1",
  };
  const admin = { ...newAsker(caller("r-revoke")), clientId: "admin", authMethod: "client_secret_post" };
  events.revoked(admin, "subject", "idp:ann"); // before the token: not about it
  events.tokenIssued(issued, 1);
  events.tokenIssued(
    { ...issued, caller: caller("r-other"), sessionId: "s2", tokenId: "jti-2", subject: "idp:bob" },
    1,
  );
  events.tokenRefused(
    newDecision(caller("r-expired"), "client_credentials"),
    invalidCredentials(() => ({
      failure: "secret_expired",
      client: "spark",
      secretName: "sha256:1a2b3c4d",
      detail: "the secret sha256:1a2b3c4d expired at 2026-01-01T00:00:00.000Z",
    })),
    1,
  );
  events.requestRefused("token", caller("r-scope"), invalidRequest("SCOPE_MALFORMED", "scope is odd\u001B[31m."), 0);
  events.tokenRefused(newDecision(caller("r-bug"), "refresh_token"), toOAuthError(new TypeError("x of undefined")), 1);
  events.introspected(admin, true);
  events.operationRefused(
    { ...admin, caller: caller("r-keys") },
    "rotate_keys",
    undefined,
    invalidRequest("PERMISSION_MISSING", "lacks it"),
  );
  events.revoked(admin, "client", "spark");
  return lines.map((line) => `[pod/icemint-1/icemint] ${line}`).join("");
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "icemint-explain-"));
  log = join(folder, "log");
  writeFileSync(log, `Defaulted container "icemint"\n{"level":"info"\n${"x".repeat(3 << 20)}\n${audit()}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]) {
  let [out, err] = ["", ""];
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  return { code: await explain({ args, stdout, stderr, clock: () => NOON }), out, err };
}

describe("explain", () => {
  test("a request id: who, what the caller was told, what really happened, and what to do", async () => {
    const { code, out } = await run("r-expired", "--log", log);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "2026-01-02T12:00:06.000Z  Somebody who names client spark was refused a token (client_credentials).",
        "  asked from 192.0.2.7, over grpc, request r-expired",
        "  with the secret sha256:1a2b3c4d",
        "  the caller was told: invalid_client: Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
        "  really: the secret sha256:1a2b3c4d expired at 2026-01-01T00:00:00.000Z",
        "  what to do: Give the client its new secret, or move `expires` of the old one.",
        "  more: docs/errors.md#credentials_invalid",
        "",
      ]
        .join("\n")
        .replace("12:00:06", /T(12:00:\d\d)/.exec(out)?.[1] ?? ""),
    );
  });

  test.each(["jti-1", SESSION])("%s: how the token came about, and what ended it later", async (id) => {
    const { code, out } = await run(id, "--log", log);
    expect(code).toBe(0);
    expect(out).toContain("Client spark got a token by delegation.");
    expect(out).toContain("authenticated by client_secret_basic, with the secret env:SPARK");
    expect(out).toContain("for subject idp:ann, through spark reports");
    expect(out).toContain(`session ${SESSION}, jti jti-1`);
    expect(out).toContain("Client admin revoked client spark.");
    expect(out).not.toMatch(/revoked subject|jti-2|r-expired/);
  });

  test("a token: its claims, whether it is over, and what the log has of it; the token itself is not shown", async () => {
    const claims = { jti: "jti-1", sid: SESSION, sub: "idp:ann", client_id: "spark", exp: NOON / 1000 - 60 };
    const token = ["{}", JSON.stringify(claims), "signature"].map((part) => Buffer.from(part).toString("base64url"));
    const file = join(folder, "token");
    writeFileSync(file, `${token.join(".")}\n`);
    const { code, out } = await run("--token-file", file, "--log", log);
    expect(code).toBe(0);
    expect(out).toContain('  sub: "idp:ann"');
    expect(out).toContain("It expired at 2026-01-02T11:59:00.000Z.");
    expect(out).toContain("Client spark got a token by delegation.");
    for (const part of token) expect(out).not.toContain(part);
  });

  test.each([
    ["r-scope", "A request was refused before it was known what it asks for (token).", "scope is odd?[31m."],
    ["r-bug", "Somebody was refused a token (refresh_token).", "report the stack"],
    ["r-keys", "Client admin was refused rotate_keys.", "Add the permission to `permissions`"],
    ["r-revoke", "Client admin revoked client spark.", "authenticated by client_secret_post"],
  ])("%s is explained, without anything that steers a terminal", async (id, ...sentences) => {
    const { out } = await run(id, "--log", log);
    for (const sentence of sentences) expect(out).toContain(sentence);
    expect(out).not.toContain("\u001B");
  });

  test("an id that the log does not have is answered with what was read", async () => {
    const { code, out, err } = await run("nothing-of-this", "--log", log);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^icemint: nothing about this in \d+ lines from 2026-01-02T12:00:\S+ to 2026-01-02T12:00:/);
  });

  test("a file that is no log, no token, or not there is said to be so", async () => {
    const none = join(folder, "none");
    writeFileSync(none, "hello\n");
    expect((await run("r-1", "--log", none)).err).toBe("icemint: none of the 1 lines is one of icemint's log\n");
    expect((await run("--token-file", none)).err).toContain("holds no JWT");
    expect(await run("r-1", "--log", join(folder, "absent"))).toMatchObject({ code: 1 });
  });

  test.each([[[]], [["a", "b"]], [["a", "--token-file", "b"]], [["--token", "x"]], [[""]]])(
    "%j is answered with the usage",
    async (args) => {
      expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringContaining("usage: icemint explain ID") });
    },
  );
});
