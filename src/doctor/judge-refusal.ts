/** Whether a refusal tells a client and its user what is wrong. */
import type { Answer } from "./exchange.js";
import { hasToken, readError, readObject, spellRefusal } from "./oauth-answer.js";
import type { Sightings } from "./sightings.js";

/** RFC 6749 section 5.2 and what later RFCs add for this endpoint. */
const SIX_WORDS = [
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
];
/** Words of other RFCs that say something no older word says. */
const LATER_WORDS = ["invalid_target", "slow_down", "temporarily_unavailable", "server_error"];

/** What `judgeRefusal` may add: of a page that is no token endpoint's at all, it says nothing. */
export const FAULTS_OF_REFUSALS: readonly string[] = [
  "ERROR_STATUS",
  "ERROR_NOT_JSON",
  "ERROR_ICEBERG_SHAPE",
  "ERROR_WITHOUT_CODE",
  "ERROR_CODE_UNKNOWN",
  "ERROR_DESCRIPTION_MISSING",
  "WWW_AUTHENTICATE_MISSING",
];

/** Adds what is wrong with an answer that gives no token. */
export function judgeRefusal(answer: Answer, seen: Sightings): void {
  const { status, headers } = answer;
  if (status === 429 || status === 503) {
    if (!("retry-after" in headers)) seen.add("RETRY_AFTER_MISSING", `${status} without Retry-After`);
    return;
  }
  if (status >= 300 && status < 400) return;
  const isServerError = status >= 500 && status !== 501;
  if (!isServerError && status !== 400 && status !== 401) seen.add("ERROR_STATUS", spellRefusal(answer));
  if (status === 401 && !("www-authenticate" in headers)) {
    seen.add("WWW_AUTHENTICATE_MISSING", "401 without WWW-Authenticate");
  }
  judgeBody(answer, seen);
}

function judgeBody(answer: Answer, seen: Sightings): void {
  const object = readObject(answer.body);
  if (object === undefined) {
    seen.add("ERROR_NOT_JSON", spellRefusal(answer));
    return;
  }
  const { code, description } = readError(answer);
  if (typeof object["error"] === "object" && object["error"] !== null) seen.add("ERROR_ICEBERG_SHAPE", answer.body);
  else if (code === undefined) seen.add("ERROR_WITHOUT_CODE", answer.body);
  else if (![...SIX_WORDS, ...LATER_WORDS].includes(code)) seen.add("ERROR_CODE_UNKNOWN", `error is ${code}`);
  if (code !== undefined && description === "") seen.add("ERROR_DESCRIPTION_MISSING", `error is ${code}, alone`);
}

/** Adds what is wrong with the answer to a wrong secret, beside what is wrong with it as a refusal. */
export function judgeWrongSecret(answer: Answer, seen: Sightings): void {
  if (hasToken(answer)) {
    seen.add("WRONG_SECRET_ACCEPTED", `${answer.status} with a token`);
    return;
  }
  const { status } = answer;
  if (status !== 400 && status !== 401) seen.add("WRONG_SECRET_STATUS", `status ${status}`);
  const { code } = readError(answer);
  if (code !== undefined && code !== "invalid_client") seen.add("WRONG_SECRET_CODE", `${status} ${code}`);
}
