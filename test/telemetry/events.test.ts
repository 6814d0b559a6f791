import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  invalidCredentials,
  invalidRequest,
  OAuthError,
  stateUnavailable,
  toOAuthError,
} from "../../src/oauth/error.js";
import { type Decision, newAsker, newDecision } from "../../src/oauth/events.js";
import type { Caller } from "../../src/oauth/request.js";
import { createEvents } from "../../src/telemetry/events.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { createMetrics } from "../../src/telemetry/metrics.js";
import { recordedSink } from "./recorded-sink.js";

const NOON = Date.UTC(2026, 0, 2, 12);
const CALLER: Caller = { requestId: "r1", transport: "form", address: "192.0.2.7", traceId: "ab".repeat(16) };
const HEAD = { time: "2026-01-02T12:00:00.000Z", audit: true };
const FROM = { request_id: "r1", transport: "form", address: "192.0.2.7", trace_id: "ab".repeat(16) };
const DECISION = newDecision(CALLER, "token_exchange");
const JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";

const clock = () => NOON;

function audit() {
  const recorded = recordedSink();
  const metrics = createMetrics({ version: "1", clock, sources: {}, faults: () => logger.faults });
  const logger = createLogger({ level: "error", sink: recorded.sink, clock });
  const events = createEvents({ sink: recorded.sink, logger, metrics, clock });
  return { ...recorded, events, metrics };
}

describe("the audit", () => {
  it("records an issued token in full, whatever the log level", () => {
    const { events, records } = audit();
    events.tokenIssued(
      {
        ...DECISION,
        via: "delegation",
        clientId: "spark",
        authMethod: "client_secret_basic",
        subject: "idp:ann",
        unsecuredSubject: true,
        actors: ["spark", "reports"],
        scope: ["catalog", "PRINCIPAL_ROLE:etl"],
        audience: ["https://catalog.example.com"],
        sessionId: "s1",
        tokenId: "j1",
      },
      1.23456,
    );
    expect(records()).toEqual([
      {
        level: "info",
        ...HEAD,
        event: "token_issued",
        ...FROM,
        grant: "token_exchange",
        via: "delegation",
        client: "spark",
        auth_method: "client_secret_basic",
        subject: "idp:ann",
        unsecured_subject: true,
        actors: ["spark", "reports"],
        scopes: ["catalog", "PRINCIPAL_ROLE:etl"],
        audience: ["https://catalog.example.com"],
        session: "s1",
        jti: "j1",
        duration_ms: 1.235,
      },
    ]);
  });

  it("records a refusal with what the caller was told and what really happened", () => {
    const { events, records } = audit();
    const cause = new Error("fetch failed", { cause: new Error("connect ECONNREFUSED") });
    events.tokenRefused(DECISION, invalidRequest("SUBJECT_TOKEN_INVALID", "Told.", { detail: "true story", cause }), 2);
    expect(records()).toEqual([
      {
        level: "info",
        ...HEAD,
        event: "token_refused",
        ...FROM,
        grant: "token_exchange",
        duration_ms: 2,
        error: "invalid_request",
        reason: "SUBJECT_TOKEN_INVALID",
        description: "Told.",
        detail: "true story",
        cause: "Error: fetch failed: Error: connect ECONNREFUSED",
      },
    ]);
  });

  it("records what a transport refused before the core saw it", async () => {
    const { events, records, metrics } = audit();
    events.requestRefused("token", CALLER, invalidRequest("GRANT_TYPE_MISSING", "grant_type is missing."), 0.1);
    expect(records()[0]).toMatchObject({
      event: "request_refused",
      error: "invalid_request",
      reason: "GRANT_TYPE_MISSING",
    });
    expect(await metrics.exposition()).toContain('{grant="unknown",transport="form",outcome="invalid_request"} 1');
  });

  it("records revocations, introspections, and their refusals", () => {
    const { events, records } = audit();
    const spark = { ...newAsker(CALLER), clientId: "spark", authMethod: "client_secret_basic", secretName: "env:S" };
    const asker = { client: "spark", auth_method: "client_secret_basic", secret_name: "env:S" };
    events.revoked(spark, "session", "s1");
    events.revocationRefused(spark, stateUnavailable(new Error("ECONNRESET")));
    events.introspected(spark, true);
    events.introspectionRefused(newAsker(CALLER), invalidCredentials("no such client"));
    expect(records()).toEqual([
      { level: "info", ...HEAD, event: "revoked", ...FROM, ...asker, what: "session", id: "s1" },
      expect.objectContaining({
        ...asker,
        event: "revocation_refused",
        error: "temporarily_unavailable",
        cause: "Error: ECONNRESET",
      }),
      { level: "info", ...HEAD, event: "introspected", ...FROM, ...asker, active: true },
      expect.objectContaining({ event: "introspection_refused", error: "invalid_client", detail: "no such client" }),
    ]);
  });

  it("tells who looks at clients which secret was used, whether it got a token, and why others were refused", () => {
    const { sink } = recordedSink();
    const logger = createLogger({ level: "error", sink, clock });
    const metrics = createMetrics({ version: "1", clock, sources: {}, faults: () => logger.faults });
    const seen: unknown[] = [];
    const activity = {
      used: (...use: readonly unknown[]) => void seen.push(["used", ...use]),
      refused: (...refusal: readonly unknown[]) => void seen.push(["refused", ...refusal]),
    };
    const events = createEvents({ sink, logger, metrics, clock, activity });
    const spark = { ...newAsker(CALLER), clientId: "spark", secretName: "env:S" };
    events.tokenIssued({ ...DECISION, clientId: "spark", secretName: "env:S" }, 1);
    events.introspected(spark, true);
    events.operated(spark, "list_keys", undefined);
    events.tokenRefused({ ...DECISION, clientId: "spark" }, invalidRequest("SCOPE_MALFORMED", "Told."), 1);
    events.tokenRefused(DECISION, invalidCredentials({ failure: "secret_wrong", client: "etl", detail: "x" }), 1);
    expect(seen).toEqual([
      ["used", "spark", "env:S", true],
      ["used", "spark", "env:S", false],
      ["used", "spark", "env:S", false],
      ["refused", "spark", "scope_malformed"],
      ["refused", "etl", "secret_wrong"],
    ]);
  });

  it("explains a refusal when the record is written, so that no caller can time the cause", () => {
    const made: (() => string)[] = [];
    const { sink } = recordedSink();
    const logger = createLogger({ level: "error", sink, clock });
    const metrics = createMetrics({ version: "1", clock, sources: {}, faults: () => logger.faults });
    const later = { ...sink, writeLater: (makeLine: () => string) => void made.push(makeLine) };
    const events = createEvents({ sink: later, logger, metrics, clock });
    let explained = 0;
    const error = invalidCredentials(() => {
      explained++;
      return { failure: "secret_expired", client: "spark", secretName: "env:S", detail: "expired" };
    });
    events.tokenRefused(DECISION, error, 1);
    expect(explained).toBe(0);
    const record: unknown = JSON.parse(made.map((makeLine) => makeLine()).join(""));
    expect(record).toMatchObject({
      client: "spark",
      secret_name: "env:S",
      failure: "secret_expired",
      detail: "expired",
    });
  });

  it("warns of a reused refresh token, of lost writes and of records that icemint did not write as they are", () => {
    const { events, records } = audit();
    events.refreshReused("spark", "s1");
    events.storeRegressed("refresh_family");
    events.familyTampered();
    expect(records()).toEqual([
      { level: "warn", ...HEAD, event: "refresh_reused", client: "spark", session: "s1" },
      { level: "warn", ...HEAD, event: "store_regressed", what: "refresh_family" },
      { level: "warn", ...HEAD, event: "store_tampered", what: "refresh_family" },
    ]);
  });

  it("logs the stack of our own bugs with the request id", () => {
    const { events, records } = audit();
    events.tokenRefused(DECISION, toOAuthError(new TypeError("x is not a function")), 1);
    expect(records()[0]).toMatchObject({
      level: "error",
      event: "token_refused",
      cause: "TypeError: x is not a function",
    });
    expect(records()[1]).toMatchObject({ level: "error", request_id: "r1", cause: "TypeError: x is not a function" });
    expect(records()[1]?.["stack"]).toMatch(/^\s+at .*events\.test\.ts/);
  });

  it("does not repeat what a syntax error quotes, which may be a part of a token", () => {
    const { events, lines } = audit();
    let cause: unknown;
    try {
      JSON.parse("hunter2");
    } catch (error) {
      cause = error;
    }
    events.tokenRefused(DECISION, invalidRequest("SUBJECT_TOKEN_INVALID", "No.", { cause }), 1);
    events.tokenRefused(DECISION, toOAuthError(cause), 1);
    expect(lines.join("")).toContain("SyntaxError");
    expect(lines.join("")).not.toContain("hunter2");
  });

  it("ends for causes that go round in a circle", () => {
    const { events, records } = audit();
    const cause = new Error("round");
    cause.cause = cause;
    events.tokenRefused(DECISION, invalidRequest("PARAMETER_INVALID", "No.", { cause }), 1);
    expect(records()[0]?.["cause"]).toBe("Error: round: Error: round: Error: round");
  });

  it("never holds a token or a secret, wherever a mistake put one", () => {
    const { events, lines } = audit();
    const secret = fc.constantFrom(JWT, "icm_hunter2hunter2", "Basic aHVudGVyMg==", "Bearer hunter2hunter2");
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, hidden, after) => {
        const text = `${before} ${hidden} ${after}`;
        const error = new OAuthError("invalid_client", "CREDENTIALS_INVALID", text, {
          detail: text,
          cause: new Error(text, { cause: new Error(text) }),
        });
        lines.length = 0;
        events.tokenRefused(DECISION, error, 1);
        events.tokenRefused(DECISION, toOAuthError(new Error(text)), 1);
        expect(lines.join("")).not.toMatch(/eyJzdWIi|hunter2|aHVudGVyMg/);
      }),
    );
  });

  it("tells apart whatever differs between two tokens of a client", () => {
    const { events, records } = audit();
    const first: Decision = {
      ...DECISION,
      clientId: "spark",
      subject: "ann",
      scope: ["a"],
      audience: ["x"],
      actors: [],
    };
    const changes: Partial<Decision>[] = [
      {},
      { sessionId: "s", tokenId: "j" },
      { grant: "refresh_token" },
      { via: "refresh" },
      { clientId: "trino" },
      { authMethod: "bearer" },
      { subject: "bob" },
      { unsecuredSubject: true },
      { actors: ["spark"] },
      { scope: ["b"] },
      { scope: ["a", "b"] },
      { audience: ["y"] },
    ];
    for (const change of changes) {
      events.tokenIssued(first, 1);
      events.tokenIssued({ ...first, ...change }, 1);
    }
    const alone = changes.map((change) => {
      const other = audit();
      other.events.tokenIssued({ ...first, ...change }, 1);
      return other.records()[0];
    });
    expect(records().filter((_, at) => at % 2 === 1)).toEqual(alone);
  });

  it("remembers no more clients than it can hold", () => {
    const { events, records, lines } = audit();
    for (let at = 0; at < 2500; at++) events.tokenIssued({ ...DECISION, clientId: `c${at % 1250}` }, 1);
    expect(lines).toHaveLength(2500);
    expect(records().at(-1)?.["client"]).toBe("c1249");
  });

  it("is one line of JSON, whatever the caller sent", () => {
    const { events, lines } = audit();
    const hostile = fc.string({ unit: "binary", maxLength: 200 });
    fc.assert(
      fc.property(hostile, hostile, fc.array(hostile, { maxLength: 5 }), (id, text, list) => {
        lines.length = 0;
        const decision: Decision = {
          ...DECISION,
          clientId: id,
          subject: text,
          scope: list,
          audience: list,
          actors: list,
        };
        events.tokenIssued({ ...decision, caller: { ...CALLER, requestId: id, address: text, traceId: text } }, 1);
        events.tokenRefused(decision, invalidRequest("PARAMETER_INVALID", text, { detail: id }), 1);
        events.revoked({ ...newAsker(CALLER), clientId: id, secretName: text }, text, id);
        events.operationRefused(newAsker(CALLER), "revoke_key", text, invalidCredentials({ client: id, detail: text }));
        for (const line of lines) expect(line).toMatch(/^[^\n\r\u2028\u2029]+\n$/);
        const [issued] = lines.map((line): Record<string, unknown> => JSON.parse(line));
        expect(issued).toMatchObject({
          event: "token_issued",
          client: id,
          subject: text,
          scopes: list,
          request_id: id,
        });
      }),
    );
  });
});
