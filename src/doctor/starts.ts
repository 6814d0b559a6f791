/** Every client's first request, and why some get no token where others do. */
import { isPlain } from "./credential.js";
import { type Examination, isGranted, isRefused } from "./examination.js";
import type { Answer, Outcome } from "./exchange.js";
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
const FIRST = "iceberg-java";

/** Asks as each client does at its start. Throws CannotRun if nothing answers, or the credential is refused by every way. */
export async function tryStarts(examination: Examination): Promise<readonly Start[]> {
  const { seen } = examination;
  const first = await tryFirst(examination);
  const starts: Start[] = [startOf(examination, examination.client(FIRST), first)];
  if (seen.has("TLS_NOT_TRUSTED") || seen.has("REDIRECTED") || seen.has("UNAVAILABLE")) return starts;
  for (const client of examination.options.kit.clients) {
    // Who shares another's code starts in the same way.
    const isOfItsOwn = client.id !== FIRST && client.sameCodeAs === undefined;
    if (!isOfItsOwn || !client.requests.some(({ name }) => name === "start")) continue;
    starts.push(startOf(examination, client, await examination.ask(client.id, "start")));
  }
  explain(examination, starts);
  return starts;
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
  if (!starts.some(({ outcome }) => isGranted(outcome))) {
    if (answers.every(isNowhere)) {
      examination.seen.add("NOT_A_TOKEN_ENDPOINT", spellRefusal(answers[0] ?? failedAnswer));
      return;
    }
    const [refusal] = answers;
    // Where the scope is refused, the credential was good.
    if (
      refusal !== undefined &&
      answers.every(({ status }) => [400, 401, 403].includes(status)) &&
      !answers.some(isScopeRefusal)
    ) {
      throw new CannotRun(`the endpoint refuses this credential by every way: ${spellRefusal(refusal)}`);
    }
  }
  for (const start of starts) {
    if (isRefused(start.outcome)) explainOne(examination, start, start.outcome, starts);
  }
}

const failedAnswer: Answer = { kind: "answer", status: 0, headers: {}, body: "", tooBig: false, tookMs: 0 };

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
