/** The one client that every contender knows, and the requests it sends. */
export const BENCH_CLIENT = { id: "bench", secret: "icm_bench-secret-for-loopback-only", scope: "catalog" } as const;

/** As Iceberg's clients ask for their first token. */
export const CLIENT_CREDENTIALS_FORM = new URLSearchParams({
  grant_type: "client_credentials",
  client_id: BENCH_CLIENT.id,
  client_secret: BENCH_CLIENT.secret,
  scope: BENCH_CLIENT.scope,
}).toString();

/** As Iceberg's clients refresh: the live token is the subject, and the Bearer beside it. */
export function refreshForm(token: string): string {
  return new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    scope: BENCH_CLIENT.scope,
    subject_token: token,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  }).toString();
}

/** A user's session begins with an exchange; the client is allowed to name users without a signature. */
export function userExchangeForm(user: string): string {
  return new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    client_id: BENCH_CLIENT.id,
    client_secret: BENCH_CLIENT.secret,
    subject_token: `${jwtPart({ alg: "none" })}.${jwtPart({ sub: user })}.`,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  }).toString();
}

/** As an OAuth client refreshes (RFC 6749 section 6). */
export function refreshTokenForm(refreshToken: string): string {
  return new URLSearchParams({
    grant_type: "refresh_token",
    client_id: BENCH_CLIENT.id,
    client_secret: BENCH_CLIENT.secret,
    refresh_token: refreshToken,
  }).toString();
}

function jwtPart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
