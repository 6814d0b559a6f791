/**
 * The audit: one record for each decision, whatever the log level, and the metrics that follow from it. Owns what the
 * records hold; decides nothing about requests.
 */
import type { Clock } from "../time/clock.js";
import type { Explanation, OAuthError } from "../oauth/error.js";
import type { ActivitySink, Asker, Events } from "../oauth/events.js";
import type { FaultPlace } from "../oauth/log.js";
import type { Caller } from "../oauth/request.js";
import {
  askerMembers,
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
import { jsonStrings } from "./json-text.js";
import type { Logger } from "./logger.js";
import type { LogSink } from "./log-sink.js";
import type { Metrics } from "./metrics.js";
import { redactSecrets } from "./redact.js";
import type { EndpointName, RequestSpans } from "./request-spans.js";
import { type ReloadTrigger, type SettingsChange, settingsMembers } from "./settings-record.js";

export type { EndpointName };

/** Events of a transport: requests that the core never saw, and faults. */
export interface TransportEvents {
  /** A fault of ours was caught at an entry of the server, which goes on. With a request id where a request brought it. */
  unexpectedError(place: FaultPlace, error: unknown, requestId?: string): void;
  /** A request was refused before it was known what it asks for: malformed, too large, an unknown grant, overload. */
  requestRefused(endpoint: EndpointName, caller: Caller, error: OAuthError, durationMs: number): void;
}

/** Events of the settings. */
export interface SettingsEvents {
  /** Changed settings rule from here on. */
  settingsReloaded(trigger: ReloadTrigger, change: SettingsChange): void;
  /** Changed settings were refused whole. `problems` are sentences for their author. */
  settingsRefused(trigger: ReloadTrigger, problems: readonly string[]): void;
}

export interface EventsOptions {
  readonly sink: LogSink;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Absent: no traces are exported. */
  readonly spans?: RequestSpans | undefined;
  /** Absent: nobody looks at it. */
  readonly activity?: ActivitySink | undefined;
}

/** None of its methods throws or waits. */
export function createEvents({
  sink,
  logger,
  metrics,
  clock,
  spans,
  activity,
}: EventsOptions): Events & TransportEvents & SettingsEvents {
  const isoTime = createIsoTime();
  const write = (record: string) => sink.write(closeRecord(record));
  const open = (level: AuditLevel, event: string, at = clock()) => openRecord(level, isoTime(at), event);
  const issuedMembers = createDecisionMembers();

  /**
   * A refusal: the record, and for our own bugs the stack, which no caller ever sees. The record is made after the answer,
   * as is what explains the refusal.
   */
  function refusal(
    event: string,
    { caller, clientId: known }: Pick<Asker, "caller" | "clientId">,
    error: OAuthError,
    rest: (more: Explanation) => string,
  ): void {
    const ours = error.code === "server_error";
    const at = clock();
    sink.writeLater(() => {
      const more = error.explain();
      const who = known ?? more.client;
      metrics.clientRefused(who, more.failure ?? error.reason.toLowerCase());
      activity?.refused(who, more.failure ?? error.reason.toLowerCase());
      const members = callerMembers(caller) + rest(more) + errorMembers(error, more);
      return closeRecord(open(ours ? "error" : "info", event, at) + members);
    });
    if (!ours) return;
    const cause = error.cause ?? error;
    logger.error("a request failed by our own fault", {
      request_id: caller.requestId,
      trace_id: caller.traceId,
      cause: messageOf(cause),
      stack: stackOf(cause),
    });
  }

  const noteUse = ({ clientId, secretName }: Asker, gotToken = false) => {
    if (clientId === undefined) return;
    activity?.used(clientId, secretName, gotToken);
    if (secretName !== undefined) metrics.secretUsed(clientId, secretName);
  };

  return {
    unexpectedError: (place, error, requestId) => logger.fault(place, error, requestId),
    tokenIssued(decision, durationMs) {
      const { caller, grant, rule } = decision;
      const at = clock();
      sink.writeLater(() => {
        noteUse(decision, true);
        const members = callerMembers(caller) + issuedMembers(decision) + durationMember(durationMs);
        return closeRecord(open("info", "token_issued", at) + members);
      });
      metrics.requestDone(grant, caller.transport, "ok", durationMs);
      if (rule !== undefined) metrics.workloadRequestDone(rule, "ok");
      spans?.record(caller, "token", undefined, durationMs, grant);
    },
    tokenRefused(decision, error, durationMs) {
      const { caller, grant, rule } = decision;
      const rest = (more: Explanation) => decisionMembers(claimed(decision, more)) + durationMember(durationMs);
      refusal("token_refused", decision, error, rest);
      metrics.requestDone(grant, caller.transport, error.code, durationMs);
      if (rule !== undefined) metrics.workloadRequestDone(rule, error.code);
      spans?.record(caller, "token", error, durationMs, grant);
    },
    requestRefused(endpoint, caller, error, durationMs) {
      const rest = ({ client }: Explanation) =>
        member("endpoint", endpoint) + member("client", client) + durationMember(durationMs);
      refusal("request_refused", { caller, clientId: undefined }, error, rest);
      const asked = endpoint === "revoke" || endpoint === "introspect" ? endpoint : "unknown";
      metrics.requestDone(asked, caller.transport, error.code, durationMs);
      spans?.record(caller, endpoint, error, durationMs);
    },
    revoked(asker, what, id) {
      const { caller } = asker;
      noteUse(asker);
      write(
        open("info", "revoked") + callerMembers(caller) + askerMembers(asker) + member("what", what) + member("id", id),
      );
      metrics.requestDone("revoke", caller.transport, "ok");
      spans?.record(caller, "revoke", undefined, 0);
    },
    revocationRefused(asker, error) {
      const { caller } = asker;
      refusal("revocation_refused", asker, error, (more) => askerMembers(claimed(asker, more)));
      metrics.requestDone("revoke", caller.transport, error.code);
      spans?.record(caller, "revoke", error, 0);
    },
    introspected(asker, active) {
      const { caller } = asker;
      noteUse(asker);
      write(`${open("info", "introspected") + callerMembers(caller) + askerMembers(asker)},"active":${String(active)}`);
      metrics.requestDone("introspect", caller.transport, "ok");
      spans?.record(caller, "introspect", undefined, 0);
    },
    introspectionRefused(asker, error) {
      const { caller } = asker;
      refusal("introspection_refused", asker, error, (more) => askerMembers(claimed(asker, more)));
      metrics.requestDone("introspect", caller.transport, error.code);
      spans?.record(caller, "introspect", error, 0);
    },
    operated(asker, operation, id) {
      const { caller } = asker;
      noteUse(asker);
      const members = member("operation", operation) + askerMembers(asker) + member("id", id);
      write(open("info", "operated") + callerMembers(caller) + members);
      spans?.record(caller, operation, undefined, 0);
    },
    operationRefused(asker, operation, id, error) {
      const { caller } = asker;
      const rest = (more: Explanation) =>
        member("operation", operation) + askerMembers(claimed(asker, more)) + member("id", id);
      refusal("operation_refused", asker, error, rest);
      metrics.requestDone("unknown", caller.transport, error.code);
      spans?.record(caller, operation, error, 0);
    },
    settingsReloaded(trigger, change) {
      write(open("info", "settings_reloaded") + member("trigger", trigger) + settingsMembers(change));
    },
    settingsRefused(trigger, problems) {
      const members = `,"problems":${jsonStrings(problems.slice(0, PROBLEMS).map(redactSecrets))}`;
      write(open("error", "settings_refused") + member("trigger", trigger) + members);
      metrics.configReloadFailed();
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

/** Of settings that were refused, in a record. The log line beside it has all. */
const PROBLEMS = 20;

/** What is known of a refused caller. Otherwise what it claims to be. */
function claimed<Known extends Asker>(asker: Known, { client, secretName }: Explanation): Known {
  return { ...asker, clientId: asker.clientId ?? client, secretName: asker.secretName ?? secretName };
}
