/**
 * The audit: one record for each decision, whatever the log level, and the metrics that follow from it. Owns what the
 * records hold; decides nothing about requests.
 */
import type { Clock } from "../time/clock.js";
import type { OAuthError } from "../oauth/error.js";
import type { Events } from "../oauth/events.js";
import type { FaultPlace } from "../oauth/log.js";
import type { Caller } from "../oauth/request.js";
import {
  callerMembers,
  closeRecord,
  createDecisionMembers,
  decisionMembers,
  durationMember,
  errorMembers,
  member,
  messageOf,
  stackOf,
  openRecord,
  type AuditLevel,
} from "./audit-record.js";
import { createIsoTime } from "./iso-time.js";
import type { Logger } from "./logger.js";
import type { LogSink } from "./log-sink.js";
import type { Metrics } from "./metrics.js";
import type { EndpointName, RequestSpans } from "./request-spans.js";

export type { EndpointName };

/** What a transport tells the audit itself: requests that the core never saw, and faults. */
export interface TransportEvents {
  /** A fault of ours was caught at an entry of the server, which goes on. With a request id where a request brought it. */
  unexpectedError(place: FaultPlace, error: unknown, requestId?: string): void;
  /** A request was refused before it was known what it asks for: malformed, too large, an unknown grant, overload. */
  requestRefused(endpoint: EndpointName, caller: Caller, error: OAuthError, durationMs: number): void;
}

export interface EventsOptions {
  readonly sink: LogSink;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Absent: no traces are exported. */
  readonly spans?: RequestSpans | undefined;
}

/** Makes the audit. None of its methods throws or waits. */
export function createEvents({ sink, logger, metrics, clock, spans }: EventsOptions): Events & TransportEvents {
  const isoTime = createIsoTime();
  const write = (record: string) => sink.write(closeRecord(record));
  const open = (level: AuditLevel, event: string, at = clock()) => openRecord(level, isoTime(at), event);
  const issuedMembers = createDecisionMembers();

  /** A refusal: the record, and for our own bugs the stack, which no caller ever sees. */
  function refusal(event: string, caller: Caller, error: OAuthError, rest: string): void {
    const ours = error.code === "server_error";
    write(open(ours ? "error" : "info", event) + callerMembers(caller) + rest + errorMembers(error));
    if (!ours) return;
    const cause = error.cause ?? error;
    logger.error("a request failed by our own fault", {
      request_id: caller.requestId,
      trace_id: caller.traceId,
      cause: messageOf(cause),
      stack: stackOf(cause),
    });
  }

  return {
    unexpectedError: (place, error, requestId) => logger.fault(place, error, requestId),
    tokenIssued(decision, durationMs) {
      const { caller, grant, rule } = decision;
      const at = clock();
      sink.writeLater(() => {
        const members = callerMembers(caller) + issuedMembers(decision) + durationMember(durationMs);
        return closeRecord(open("info", "token_issued", at) + members);
      });
      metrics.requestDone(grant, caller.transport, "ok", durationMs);
      if (rule !== undefined) metrics.workloadRequestDone(rule, "ok");
      spans?.record(caller, "token", undefined, durationMs, grant);
    },
    tokenRefused(decision, error, durationMs) {
      const { caller, grant, rule } = decision;
      refusal("token_refused", caller, error, decisionMembers(decision) + durationMember(durationMs));
      metrics.requestDone(grant, caller.transport, error.code, durationMs);
      if (rule !== undefined) metrics.workloadRequestDone(rule, error.code);
      spans?.record(caller, "token", error, durationMs, grant);
    },
    requestRefused(endpoint, caller, error, durationMs) {
      refusal("request_refused", caller, error, member("endpoint", endpoint) + durationMember(durationMs));
      const asked = endpoint === "revoke" || endpoint === "introspect" ? endpoint : "unknown";
      metrics.requestDone(asked, caller.transport, error.code, durationMs);
      spans?.record(caller, endpoint, error, durationMs);
    },
    revoked(caller, clientId, what, id) {
      write(
        open("info", "revoked") +
          callerMembers(caller) +
          member("client", clientId) +
          member("what", what) +
          member("id", id),
      );
      metrics.requestDone("revoke", caller.transport, "ok");
      spans?.record(caller, "revoke", undefined, 0);
    },
    revocationRefused(caller, error) {
      refusal("revocation_refused", caller, error, "");
      metrics.requestDone("revoke", caller.transport, error.code);
      spans?.record(caller, "revoke", error, 0);
    },
    introspected(caller, clientId, active) {
      write(
        `${open("info", "introspected") + callerMembers(caller) + member("client", clientId)},"active":${String(active)}`,
      );
      metrics.requestDone("introspect", caller.transport, "ok");
      spans?.record(caller, "introspect", undefined, 0);
    },
    introspectionRefused(caller, error) {
      refusal("introspection_refused", caller, error, "");
      metrics.requestDone("introspect", caller.transport, error.code);
      spans?.record(caller, "introspect", error, 0);
    },
    refreshReused(clientId, sessionId) {
      write(open("warn", "refresh_reused") + member("client", clientId) + member("session", sessionId));
      metrics.refreshReused();
    },
    storeRegressed(what) {
      write(open("warn", "store_regressed") + member("what", what));
      metrics.storeRegressed(what);
    },
    familyTampered() {
      write(open("warn", "store_tampered") + member("what", "refresh_family"));
      metrics.familyTampered();
    },
  };
}
