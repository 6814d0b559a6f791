/** What clients do when a token nears its end, or has passed it. */
import { type Examination, isGranted, isRefused } from "./examination.js";
import type { Answer, Outcome } from "./exchange.js";
import type { Values } from "./fill-request.js";
import { accessToken, readClaims, readError, readObject, spellRefusal } from "./oauth-answer.js";

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** A token, and the scope that gave it. */
export interface Held {
  readonly token: string;
  readonly answer: Answer;
  readonly scope: string | undefined;
}

/** Refreshes by exchange as Java does: by Bearer, again, once more with the new token, and by Basic. */
export async function tryRefreshes(examination: Examination, held: Held): Promise<void> {
  const { seen } = examination;
  const values: Values = { token: held.token, token_kind: kindOf(held.answer), scope: held.scope };
  const byBearer = await examination.ask("iceberg-java", "refresh", values);
  const byBasic = await examination.ask("iceberg-java-1.10", "refresh-by-basic", values);
  if (isRefused(byBearer)) {
    if (isRefused(byBasic))
      seen.add("REFRESH_REFUSED", `${spellRefusal(byBearer)}; by Basic: ${spellRefusal(byBasic)}`);
    else seen.add("REFRESH_BEARER_REFUSED", spellRefusal(byBearer));
  } else if (isRefused(byBasic)) seen.add("REFRESH_BASIC_REFUSED", spellRefusal(byBasic));
  if (isGranted(byBearer)) await tryAgain(examination, values, held, byBearer);
  await tryExpired(examination, held, values, isGranted(byBasic));
  await tryGrpc(examination, held, byBearer);
}

async function tryAgain(examination: Examination, values: Values, held: Held, refreshed: Answer): Promise<void> {
  const { seen } = examination;
  const repeated = await examination.ask("iceberg-java", "refresh", values);
  if (isRefused(repeated)) seen.add("REFRESH_NOT_REPEATABLE", spellRefusal(repeated));
  const token = accessToken(refreshed) ?? held.token;
  const second = await examination.ask("iceberg-java", "refresh", { ...values, token, token_kind: kindOf(refreshed) });
  if (isRefused(second)) seen.add("REFRESH_SECOND_REFUSED", spellRefusal(second));
  const [before, after] = [held.token, token].map((one) => JSON.stringify(readClaims(one)?.["sub"] ?? null));
  if (before !== "null" && after !== before) seen.add("REFRESH_CHANGES_SUBJECT", `sub ${before} becomes ${after}`);
}

/** The token type that Java repeats as the type of its subject. */
function kindOf(answer: Answer): string {
  const issued = readObject(answer.body)?.["issued_token_type"];
  return typeof issued === "string" && issued !== "" ? issued : ACCESS_TOKEN;
}

async function tryExpired(examination: Examination, held: Held, values: Values, basicWorks: boolean): Promise<void> {
  if (!basicWorks) return;
  const { clock, sleep, waitMs } = examination.options;
  const leftMs = lifetimeMs(held, clock());
  if (leftMs === undefined || leftMs > waitMs) {
    const life = leftMs === undefined ? "does not say when it ends" : `lives ${Math.round(leftMs / 1000)} s more`;
    examination.untried.push(`the refresh of an expired token: this one ${life}; --wait SECONDS waits for it`);
    return;
  }
  await sleep(Math.max(leftMs, 0) + 1000);
  const expired = await examination.ask("iceberg-java", "refresh-by-basic", values);
  if (isRefused(expired)) examination.seen.add("REFRESH_EXPIRED_REFUSED", spellRefusal(expired));
}

function lifetimeMs({ token, answer }: Held, now: number): number | undefined {
  const exp = readClaims(token)?.["exp"];
  if (typeof exp === "number") return exp * 1000 - now;
  const expiresIn = readObject(answer.body)?.["expires_in"];
  return typeof expiresIn === "number" ? expiresIn * 1000 : undefined;
}

/** gRPC's own STS clients: a form in which nothing is encoded, and JSON. */
async function tryGrpc(examination: Examination, { token }: Held, refresh: Outcome): Promise<void> {
  const { seen } = examination;
  const byForm = await examination.ask("grpc-core", "exchange", { token });
  const byJson = await examination.ask("grpc-go", "exchange", { token });
  if (isRefused(byForm) && isNotRead(byForm, refresh)) seen.add("UNENCODED_FORM_REFUSED", spellRefusal(byForm));
  if (isRefused(byJson) && isNotRead(byJson, byForm)) seen.add("JSON_BODY_REFUSED", spellRefusal(byJson));
}

/** Whether the refusal is of the form of the request, not of what it asks: then it was not read. */
function isNotRead(refusal: Answer, reference: Outcome): boolean {
  if (refusal.status === 415) return true;
  const { code, description } = readError(refusal);
  // An endpoint that offers no exchange at all says so to everyone.
  const refusesAll = reference.kind === "answer" && readError(reference).code === "unsupported_grant_type";
  if (code === "unsupported_grant_type") return !refusesAll;
  if (reference.kind === "answer" && readError(reference).description === description) return false;
  return /grant_type|content.?type|media type|json|malformed|parse/i.test(description);
}
