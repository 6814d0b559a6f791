/**
 * The audit record: one line of JSON for each decision, its members documented in docs/telemetry.md. Assembled by hand,
 * since every request writes one.
 */
import type { Explanation, OAuthError } from "../oauth/error.js";
import type { Asker, Decision } from "../oauth/events.js";
import type { Caller } from "../oauth/request.js";
import { jsonString, jsonStrings } from "./json-text.js";
import { redactSecrets } from "./redact.js";

/** How bad it is that this happened. */
export type AuditLevel = "info" | "warn" | "error";

/** Opens a record; `closeRecord` ends it. */
export function openRecord(level: AuditLevel, time: string, event: string): string {
  return `{"level":"${level}","time":"${time}","audit":true,"event":"${event}"`;
}

/** Ends a record. */
export function closeRecord(record: string): string {
  return `${record}}\n`;
}

/** One more member. */
export function member(name: string, value: string | undefined): string {
  return value === undefined ? "" : `,"${name}":${jsonString(value)}`;
}

/** Who asked, and how the request came in. */
export function callerMembers({ requestId, transport, address, traceId }: Caller): string {
  const head = `,"request_id":${jsonString(requestId)},"transport":"${transport}","address":${jsonString(address)}`;
  return traceId === undefined ? head : `${head},"trace_id":${jsonString(traceId)}`;
}

/** Which client asked, and how it proved that. */
export function askerMembers({ clientId, rule, authMethod, secretName }: Asker): string {
  return (
    member("client", clientId) +
    member("rule", rule) +
    member("auth_method", authMethod) +
    member("secret_name", secretName)
  );
}

/** The decision, as far as it is known. */
export function decisionMembers(decision: Decision): string {
  return lastingMembers(decision) + tokenMembers(decision);
}

/** The part of a record that a client's next decision mostly repeats. */
function lastingMembers({
  grant,
  via,
  clientId,
  rule,
  authMethod,
  secretName,
  subject,
  unsecuredSubject,
  actors,
  scope,
  audience,
}: Decision) {
  let members = `,"grant":"${grant}"`;
  if (via !== undefined) members += `,"via":${jsonString(via)}`;
  if (clientId !== undefined) members += `,"client":${jsonString(clientId)}`;
  if (rule !== undefined) members += `,"rule":${jsonString(rule)}`;
  if (authMethod !== undefined) members += `,"auth_method":${jsonString(authMethod)}`;
  if (secretName !== undefined) members += `,"secret_name":${jsonString(secretName)}`;
  if (subject !== undefined) members += `,"subject":${jsonString(subject)}`;
  if (unsecuredSubject === true) members += `,"unsecured_subject":true`;
  if (actors !== undefined && actors.length > 0) members += `,"actors":${jsonStrings(actors)}`;
  if (scope !== undefined) members += `,"scopes":${jsonStrings(scope)}`;
  if (audience !== undefined) members += `,"audience":${jsonStrings(audience)}`;
  return members;
}

function tokenMembers({ sessionId, tokenId }: Decision): string {
  return member("session", sessionId) + member("jti", tokenId);
}

const CLIENTS_REMEMBERED = 1000;

/**
 * `decisionMembers` with a cache: a client that asks for the same as before gets the same string, which halves the cost
 * of a record.
 */
export function createDecisionMembers(): (decision: Decision) => string {
  const last = new Map<string, { readonly decision: Decision; readonly text: string }>();
  return (decision) => {
    const { clientId = "" } = decision;
    const known = last.get(clientId);
    if (known !== undefined && areAlike(known.decision, decision)) return known.text + tokenMembers(decision);
    if (known === undefined && last.size >= CLIENTS_REMEMBERED) last.clear();
    const text = lastingMembers(decision);
    last.set(clientId, { decision, text });
    return text + tokenMembers(decision);
  };
}

function areAlike(a: Decision, b: Decision): boolean {
  return (
    a.grant === b.grant &&
    a.via === b.via &&
    a.clientId === b.clientId &&
    a.rule === b.rule &&
    a.authMethod === b.authMethod &&
    a.secretName === b.secretName &&
    a.subject === b.subject &&
    a.unsecuredSubject === b.unsecuredSubject &&
    haveSameTexts(a.actors, b.actors) &&
    haveSameTexts(a.scope, b.scope) &&
    haveSameTexts(a.audience, b.audience)
  );
}

function haveSameTexts(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === b) return true;
  if (a?.length !== b?.length) return false;
  return a === undefined || b === undefined || a.every((text, at) => text === b[at]);
}

/**
 * The reason of a refusal: the caller's words and, for the operator, the detail. Free text, so it is searched for anything
 * like a token.
 */
export function errorMembers(error: OAuthError, { failure, detail }: Explanation): string {
  return (
    `,"error":"${error.code}","reason":"${error.reason}"` +
    member("failure", failure) +
    member("description", redactSecrets(error.message)) +
    member("detail", detail === undefined ? undefined : redactSecrets(detail)) +
    member("cause", causeOf(error))
  );
}

/** How long it took, in milliseconds with three decimals. */
export function durationMember(durationMs: number): string {
  return `,"duration_ms":${Math.round(durationMs * 1000) / 1000}`;
}

const CAUSES = 3;

/** The messages of the errors behind an error, `outer: inner`. */
function causeOf(error: OAuthError): string | undefined {
  const messages: string[] = [];
  for (let at = error.cause; at !== undefined && messages.length < CAUSES; at = causeBehind(at)) {
    messages.push(messageOf(at));
  }
  return messages.length === 0 ? undefined : redactSecrets(messages.join(": "));
}

function causeBehind(error: unknown): unknown {
  return error instanceof Error ? (error.cause ?? undefined) : undefined;
}

/** A syntax error quotes its input, which may be part of a token: only its name is logged. */
export function messageOf(error: unknown): string {
  if (error instanceof SyntaxError) return error.name;
  return error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
}

/** The frames alone: the first line repeats the message, which a syntax error must not. */
export function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  return error.stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .join("\n");
}
