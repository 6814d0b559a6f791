/** Every client's first request, and why some get no token where others do. */
import { isPlain } from "./credential.js";
import { type Examination, isGranted, isRefused } from "./examination.js";
import type { Answer, Outcome } from "./exchange.js";
import { FAULTS_OF_REFUSALS } from "./judge-refusal.js";
import type { Client } from "./kit.js";
import { readError, spellRefusal } from "./oauth-answer.js";

/** A client's first request and what came back. */
export interface Start {
  readonly client: Client;
  readonly scope: string | undefined;
  readonly outcome: Outcome;
}

/** Nothing more can be found out. */
export class CannotRun extends Error {}

const TRIES = 3;
const LONGEST_RETRY_AFTER_SECONDS = 2;
/** It sends the credential in the form. */
const FIRST = "iceberg-java";
/** They send it by Basic: form-encoded, and raw. */
const WAYS = ["dremio", "pyiceberg-oauth2"];

/** Asks as each client does at its start. Throws CannotRun if nothing answers, or the credential is refused by every way. */
export async function tryStarts(examination: Examination): Promise<readonly Start[]> {
  const { seen } = examination;
  const first = await tryFirst(examination);
  const starts: Start[] = [startOf(examination, examination.client(FIRST), first)];
  if (seen.has("TLS_NOT_TRUSTED") || seen.has("REDIRECTED") || seen.has("UNAVAILABLE")) return starts;
  for (const client of inOrder(examination)) {
    starts.push(startOf(examination, client, await examination.ask(client.id, "start")));
    if (client.id === WAYS.at(-1)) stopAtWrongCredential(starts);
  }
  explain(examination, starts);
  return starts;
}

/** The other clients that start in a way of their own, those first who send the credential in another way. */
function inOrder({ options }: Examination): readonly Client[] {
  const others = options.kit.clients.filter(
    ({ id, sameCodeAs, requests }) =>
      id !== FIRST && sameCodeAs === undefined && requests.some(({ name }) => name === "start"),
  );
  return others.toSorted((a, b) => Number(WAYS.includes(b.id)) - Number(WAYS.includes(a.id)));
}

/** A wrong credential is sent three times, once by each way: more might lock its client out. */
function stopAtWrongCredential(starts: readonly Start[]): void {
  const refusals = starts
    .map(({ outcome }) => outcome)
    .filter(isRefused)
    .filter(isCredentialRefusal);
  const [first] = refusals;
  if (first !== undefined && refusals.length === starts.length) {
    throw new CannotRun(`the endpoint refuses this credential by every way: ${spellRefusal(first)}`);
  }
}

function isCredentialRefusal(answer: Answer): boolean {
  if (isScopeRefusal(answer)) return false;
  const { code } = readError(answer);
  return (
    answer.status === 401 || (answer.status === 400 && (code === "invalid_client" || code === "unauthorized_client"))
  );
}

function startOf(examination: Examination, client: Client, outcome: Outcome): Start {
  return { client, scope: examination.scopeOf(client), outcome };
}

/** The first request of all, with the patience that a start needs. */
async function tryFirst(examination: Examination): Promise<Outcome> {
  const { sleep } = examination.options;
  for (let tried = 1; ; tried++) {
    const outcome = await examination.ask(FIRST, "start");
    if (outcome.kind === "failure" && outcome.cause === "certificate") return outcome;
    if (outcome.kind === "failure") {
      if (outcome.cause !== "dropped" || tried === TRIES) throw new CannotRun(`no answer: ${outcome.text}`);
      continue;
    }
    if (outcome.status !== 429 && outcome.status !== 503) return outcome;
    if (tried === TRIES) {
      examination.seen.add("UNAVAILABLE", `${TRIES} times ${spellRefusal(outcome)}`);
      return outcome;
    }
    const seconds = Number(outcome.headers["retry-after"] ?? 1);
    await sleep(Math.min(Number.isFinite(seconds) ? seconds : 1, LONGEST_RETRY_AFTER_SECONDS) * 1000);
  }
}

function explain(examination: Examination, starts: readonly Start[]): void {
  const answers = starts.map(({ outcome }) => outcome).filter((outcome) => outcome.kind === "answer");
  const [first] = answers;
  if (first !== undefined && answers.every(isNowhere)) {
    examination.seen.withdraw(FAULTS_OF_REFUSALS);
    examination.seen.add("NOT_A_TOKEN_ENDPOINT", spellRefusal(first));
    return;
  }
  const isGrantedToAny = starts.some(({ outcome }) => isGranted(outcome));
  const refused = answers.filter(({ status }) => status >= 400 && status < 500);
  if (first !== undefined && refused.length === starts.length && !refused.some(isScopeRefusal)) {
    throw new CannotRun(`nobody gets a token with this credential: ${spellRefusal(first)}`);
  }
  for (const start of starts) {
    const { outcome } = start;
    // Without any token, only a refusal that names its cause tells anything.
    if (isRefused(outcome) && (isGrantedToAny || isScopeRefusal(outcome))) {
      explainOne(examination, start, outcome, starts);
    }
  }
}

/** Whether there is something else than a token endpoint, or nothing. */
function isNowhere(answer: Answer): boolean {
  if ([404, 405, 410, 501].includes(answer.status)) return true;
  return answer.status === 200 && /^\s*(<|$)/.test(answer.body);
}

function isScopeRefusal(answer: Answer): boolean {
  const { code, description } = readError(answer);
  return code === "invalid_scope" || (code === "invalid_request" && /scope/i.test(description));
}

const SCOPE_FINDINGS: Readonly<Record<string, string>> = {
  catalog: "SCOPE_CATALOG_REFUSED",
  "PRINCIPAL_ROLE:ALL": "SCOPE_ROLE_ALL_REFUSED",
};

function scopeFinding(scope: string | undefined): string | undefined {
  return scope === undefined ? "SCOPE_ABSENT_REFUSED" : SCOPE_FINDINGS[scope];
}

/** Finds the fault that explains the most: the scope, the way of authenticating, the media type, or only this client. */
function explainOne(examination: Examination, start: Start, answer: Answer, starts: readonly Start[]): void {
  const { seen, options } = examination;
  const { client, scope } = start;
  const { status } = answer;
  // A redirect, and an answer without a token, are faults of their own.
  if (status < 400) return;
  const id = findingOf(start, answer, starts, isPlain(options.credential));
  const evidence = `${client.name} asks ${scope === undefined ? "without a scope" : `for ${scope}`}: ${spellRefusal(answer)}`;
  seen.add(id, evidence, id === "START_REFUSED" ? examination.kinOf(client.id) : undefined);
}

function findingOf(start: Start, answer: Answer, starts: readonly Start[], plain: boolean): string {
  const { client, scope } = start;
  const byScope = scopeFinding(scope);
  if (isScopeRefusal(answer)) return byScope ?? "START_REFUSED";
  const granted = starts.filter(({ outcome }) => isGranted(outcome));
  const sameWay = ({ client: other }: Start): boolean => other.authentication === client.authentication;
  if (!granted.some(sameWay)) return client.authentication === "form" ? "POST_REFUSED" : "BASIC_REFUSED";
  if (client.authentication === "basic" && !plain) {
    const sameSpelling = ({ client: other }: Start): boolean => sendsEncoded(other) === sendsEncoded(client);
    if (!granted.filter(sameWay).some(sameSpelling)) {
      return sendsEncoded(client) ? "BASIC_ENCODED_REFUSED" : "BASIC_RAW_REFUSED";
    }
  }
  if (byScope !== undefined && isTheScope(start, starts, granted)) return byScope;
  return sendsCharset(client) && !granted.some((other) => sendsCharset(other.client))
    ? "CHARSET_REFUSED"
    : "START_REFUSED";
}

/** Whether all who ask for this scope are refused, two clients or more, and nobody who asks for another one. */
function isTheScope({ scope }: Start, starts: readonly Start[], granted: readonly Start[]): boolean {
  const same = starts.filter((other) => other.scope === scope);
  return same.length > 1 && !granted.some((other) => other.scope === scope);
}

function startHeader(client: Client, name: string): string {
  const headers = client.requests.find((request) => request.name === "start")?.headers ?? [];
  return headers.find(([header]) => header.toLowerCase() === name)?.[1] ?? "";
}

function sendsEncoded(client: Client): boolean {
  return startHeader(client, "authorization").includes("form(");
}

function sendsCharset(client: Client): boolean {
  return /charset/i.test(startHeader(client, "content-type"));
}
