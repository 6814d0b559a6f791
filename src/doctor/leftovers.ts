/** What clients send beside their starts and refreshes: stale tokens, secrets alone, users, wrong secrets, bursts. */
import { type Examination, isGranted, isRefused } from "./examination.js";
import type { Outcome } from "./exchange.js";
import { judgeWrongSecret } from "./judge-refusal.js";
import { spellRefusal } from "./oauth-answer.js";
import type { Held } from "./refreshes.js";
import type { Start } from "./starts.js";

/** A JWT whose end is long past, from an issuer that nobody knows. */
const DEAD_TOKEN = [
  { alg: "ES256", typ: "at+jwt" },
  { iss: "https://gone.example", sub: "gone", exp: 1 },
]
  .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
  .concat("c2lnbmF0dXJl")
  .join(".");

const BURST = 4;
const WRONG_SECRET = "icemint-doctor-wrong-secret";

/** The starts that gave a token, by the way of authenticating. */
export interface Working {
  readonly form: Start | undefined;
  readonly basic: Start | undefined;
}

/** What a client sends when its credential or scope is less than usual. */
export async function tryVariants(examination: Examination, { form, basic }: Working, held: Held): Promise<void> {
  const { seen, options } = examination;
  const { scope } = held;
  if (form !== undefined) {
    const stale = await examination.ask("pyiceberg", "after-catalog-401", { dead_token: DEAD_TOKEN, scope });
    if (isRefused(stale)) seen.add("STALE_BEARER_REFUSED", spellRefusal(stale));
    if (options.credential.id !== undefined) {
      const alone = await examination.ask("iceberg-java", "secret-only", { scope });
      if (isRefused(alone)) seen.add("SECRET_ONLY_REFUSED", spellRefusal(alone));
    }
  }
  const empty = await (basic === undefined
    ? examination.ask("iceberg-java", "empty-scope")
    : examination.ask("duckdb", "empty-scope"));
  if (isRefused(empty)) seen.add("SCOPE_EMPTY_REFUSED", spellRefusal(empty));
}

/** Users, refresh tokens, and a secret alone by Basic. */
export async function tryExchanges(examination: Examination, { form, basic }: Working, held: Held): Promise<void> {
  const { seen, options, refreshToken } = examination;
  const { token, scope } = held;
  const kind = "urn:ietf:params:oauth:token-type:access_token";
  const offersExchange = !seen.has("REFRESH_REFUSED");
  if (
    basic !== undefined &&
    options.credential.id !== undefined &&
    offersExchange &&
    !seen.has("REFRESH_BASIC_REFUSED")
  ) {
    const alone = await examination.ask("iceberg-java", "refresh-by-secret-only-basic", {
      token,
      scope,
      token_kind: kind,
    });
    if (isRefused(alone)) seen.add("SECRET_ONLY_BASIC_REFUSED", spellRefusal(alone));
  }
  if (basic !== undefined) {
    const nobody = await examination.ask("iceberg-java", "refused-user", { scope });
    if (isGranted(nobody)) seen.add("SUBJECT_NOT_VERIFIED", "subject_token=icemint-doctor.not-a-token gets a token");
  }
  const user = await examination.ask("trino-user", "user-session", {
    token,
    scope,
    unsecured_jwt: unsecuredJwt(options.clock()),
  });
  if (isGranted(user)) seen.add("UNSECURED_SUBJECT_ACCEPTED", "the user icemint-doctor gets a token");
  else if (isRefused(user)) seen.add("UNSECURED_SUBJECT_REFUSED", spellRefusal(user));
  if (refreshToken !== undefined) {
    const client = form === undefined ? "dremio" : "duckdb";
    const again = await examination.ask(client, "refresh-token", { refresh_token: refreshToken });
    if (isRefused(again)) seen.add("REFRESH_TOKEN_REFUSED", spellRefusal(again));
  }
}

function unsecuredJwt(now: number): string {
  const iat = Math.floor(now / 1000);
  return `${[{ alg: "none" }, { sub: "icemint-doctor", iss: "icemint-doctor", iat, user: "icemint-doctor" }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".")}.`;
}

/** Four at the same time, then the one wrong secret, then the right one. */
export async function tryLimits(examination: Examination, working: Start): Promise<void> {
  const { seen, untried } = examination;
  const { id } = working.client;
  if (examination.isGivenUp) {
    untried.push("bursts and a wrong secret: the endpoint no longer answers");
    return;
  }
  const burst = await Promise.all(Array.from({ length: BURST }, () => examination.ask(id, "start")));
  const lost = burst.filter((outcome) => !isGranted(outcome));
  if (lost.length > 0) seen.add("BURST_REFUSED", `${lost.length} of ${BURST}: ${spellOutcome(lost[0])}`);

  const wrong = await examination.ask(id, "start", { secret: WRONG_SECRET });
  if (wrong.kind === "answer") judgeWrongSecret(wrong, seen);
  const right = await examination.ask(id, "start");
  if (!isGranted(right)) seen.add("LOCKED_OUT", spellOutcome(right));

  const got = await examination.send({ method: "GET", headers: [["Accept", "*/*"]], body: "" }, []);
  if (got.kind === "answer" && got.status === 200) seen.add("GET_ANSWERED", "GET without credentials: 200");
}

function spellOutcome(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "";
  return outcome.kind === "answer" ? spellRefusal(outcome) : outcome.text;
}
