/** Grants, scopes, targets and tokens that make no sense, at all three endpoints. */
import { EXCHANGE, JWT_BEARER, secretOf, typeUrn } from "../world.js";
import { accepted, answered, base64, GOOD, malformed, type OddRequest, refused } from "./odd-request.js";

function basic(id: string): string {
  return `Authorization: Basic ${base64(`${id}:${secretOf(id)}`)}`;
}

/** A form, sent by client spark. */
function bySpark(form: Readonly<Record<string, string>>, target = "/v1/oauth/tokens") {
  return { headers: [basic("spark")], body: String(new URLSearchParams(form)), target };
}

const GRANT_TYPES = [
  "Client_Credentials",
  "CLIENT_CREDENTIALS",
  "client_credentials ",
  " client_credentials",
  "client_credentials\0",
  "client_credentials,refresh_token",
  "password",
  "implicit",
  "authorization_code",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:ietf:params:oauth:grant-type:JWT-bearer",
  "urn:ietf:params:oauth:grant-type:saml2-bearer",
  EXCHANGE.toUpperCase(),
  "token_exchange",
  "token-exchange",
  "null",
  "undefined",
  "é",
  `"><script>`,
  "\r\nX-Injected: yes",
];

const SCOPES = [
  "CATALOG",
  "catalog unknown",
  "catal",
  "catalogx",
  "*",
  "openid",
  "PRINCIPAL_ROLE:admin",
  "catalog,x",
  "[object Object]",
];
const BAD_SCOPES = [
  '"catalog"',
  "cat\\alog",
  "catalog\tx",
  "catalog\nx",
  "catalog\0",
  "catälog",
  "catalog\u00a0x",
  "\u200b",
  "😀",
];

const ASKING: readonly OddRequest[] = [
  ...GRANT_TYPES.map((type) =>
    refused(`grant_type ${JSON.stringify(type)}`, 400, "unsupported_grant_type", bySpark({ grant_type: type })),
  ),
  refused("a grant that the client may not use", 400, "unauthorized_client", {
    headers: [basic("exchanger")],
    body: "grant_type=client_credentials",
  }),
  refused("an unknown grant without credentials", 400, "unsupported_grant_type", { body: "grant_type=password" }),
  ...[...SCOPES, ...BAD_SCOPES].map((scope) =>
    refused(`scope ${JSON.stringify(scope)}`, 400, "invalid_scope", {
      body: `${GOOD}&scope=${encodeURIComponent(scope)}`,
    }),
  ),
  refused("no scope and no default", 400, "invalid_scope", {
    headers: [basic("scopeless")],
    body: "grant_type=client_credentials",
  }),
  ...["catalog", " catalog ", "catalog  catalog", "   ", "PRINCIPAL_ROLE:etl catalog"].map((scope) =>
    accepted(`scope ${JSON.stringify(scope)}`, { body: `${GOOD}&scope=${encodeURIComponent(scope)}` }),
  ),
  ...[
    "catalog",
    "/relative",
    "https://catalog.example.com#x",
    "https://catalog.example.com/",
    "https://",
    "é://x",
    "javascript:alert(1)",
  ].map((resource) =>
    refused(`resource ${resource}`, 400, "invalid_target", {
      body: `${GOOD}&resource=${encodeURIComponent(resource)}`,
    }),
  ),
  ...["other", "https://tokens.example.com/", "HTTPS://TOKENS.EXAMPLE.COM", "https://tokens.example.com\n", "*"].map(
    (audience) =>
      refused(`audience ${JSON.stringify(audience)}`, 400, "invalid_target", {
        body: `${GOOD}&audience=${encodeURIComponent(audience)}`,
      }),
  ),
  refused("a good audience and a bad one", 400, "invalid_target", {
    body: `${GOOD}&audience=https://catalog.example.com&audience=https://evil.example`,
  }),
];

const subject = { grant_type: EXCHANGE, subject_token: "x", subject_token_type: typeUrn("access_token") };
const { subject_token: _, ...withoutSubject } = subject;
const { subject_token_type: __, ...withoutType } = subject;

const EXCHANGES: readonly OddRequest[] = [
  malformed("an exchange of nothing", bySpark({ grant_type: EXCHANGE })),
  malformed("a subject token without its type", bySpark(withoutType)),
  malformed("a subject token type without a token", bySpark(withoutSubject)),
  malformed("an actor token without its type", bySpark({ ...subject, actor_token: "x" })),
  malformed("an actor token type without a token", bySpark({ ...subject, actor_token_type: typeUrn("jwt") })),
  ...["access_token", typeUrn("ACCESS_TOKEN"), typeUrn("x"), `${typeUrn("jwt")} `, "é", '"'].map((type) =>
    malformed(`subject_token_type ${JSON.stringify(type)}`, bySpark({ ...subject, subject_token_type: type })),
  ),
  ...["refresh_token", "saml1", "saml2"].map((type) =>
    malformed(`a subject of type ${type}`, bySpark({ ...subject, subject_token_type: typeUrn(type) })),
  ),
  ...["refresh_token", "id_token", "saml2"].map((type) =>
    malformed(`a requested ${type}`, bySpark({ ...subject, requested_token_type: typeUrn(type) })),
  ),
  ...["null", "undefined", "{}", "[object Object]", ".", "..", "a.b.c", "\0", "é", "' OR 1=1", "../../etc/passwd"].map(
    (token) => malformed(`a subject token ${JSON.stringify(token)}`, bySpark({ ...subject, subject_token: token })),
  ),
  malformed("a subject token of 17,000 characters", bySpark({ ...subject, subject_token: "x".repeat(17_000) })),
  malformed("a subject token of 16,000 dots", bySpark({ ...subject, subject_token: ".".repeat(16_000) })),
  refused("an exchange by nobody", 401, "invalid_client", { body: String(new URLSearchParams(subject)) }),
  refused("an exchange by a Bearer of nobody", 401, "invalid_client", {
    headers: ["Authorization: Bearer x"],
    body: String(new URLSearchParams(subject)),
  }),
  refused("an exchange by the wrong secret", 401, "invalid_client", {
    headers: [`Authorization: Basic ${base64("spark:wrong")}`],
    body: String(new URLSearchParams(subject)),
  }),
  malformed("two Bearers", {
    headers: ["Authorization: Bearer x", "Authorization: Bearer y"],
    body: String(new URLSearchParams(subject)),
  }),
];

const REFRESHES: readonly OddRequest[] = [
  malformed("a refresh without a token", bySpark({ grant_type: "refresh_token" })),
  ...["x", "null", "a.1.b", "a.b.c", "....", "é", "\0", "x".repeat(16_000), "-1", "a.-1.b", "a.1e9.b"].map((token) =>
    refused(
      `refresh token ${JSON.stringify(token.slice(0, 20))}`,
      400,
      "invalid_grant",
      bySpark({ grant_type: "refresh_token", refresh_token: token }),
    ),
  ),
  refused("a refresh by a client that may not", 400, "unauthorized_client", {
    headers: [basic("trino")],
    body: "grant_type=refresh_token&refresh_token=x",
  }),
  refused("a refresh by nobody", 401, "invalid_client", { body: "grant_type=refresh_token&refresh_token=x" }),
];

const BY_ASSERTION = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTIONS: readonly OddRequest[] = [
  malformed("a grant by assertion without one", { body: BY_ASSERTION }),
  malformed("two assertions", { body: `${BY_ASSERTION}&assertion=a.b.c&assertion=a.b.c` }),
  malformed("an assertion of 17,000 characters", { body: `${BY_ASSERTION}&assertion=${"x".repeat(17_000)}` }),
  ...[
    "x",
    "a.b.c",
    "..",
    "null",
    "é",
    "\0",
    ".".repeat(16_000),
    `${base64url('{"alg":"none","typ":"oauth-id-jag+jwt"}')}.e30.`,
    `${base64url('{"alg":"ES256","typ":"JWT"}')}.e30.AA`,
    `${base64url('{"alg":"ES256","typ":["oauth-id-jag+jwt"]}')}.e30.AA`,
  ].map((assertion) =>
    refused(`assertion ${JSON.stringify(assertion.slice(0, 60))}`, 400, "invalid_grant", {
      body: `${BY_ASSERTION}&assertion=${encodeURIComponent(assertion)}`,
    }),
  ),
  refused("an ID-JAG by nobody", 401, "invalid_client", {
    body: `${BY_ASSERTION}&assertion=${base64url('{"alg":"ES256","typ":"oauth-id-jag+jwt"}')}.e30.AA`,
  }),
];

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

const REVOKE = "/v1/oauth/revoke";
const INTROSPECT = "/v1/oauth/introspect";
const TOKEN_ENDPOINTS: readonly OddRequest[] = [REVOKE, INTROSPECT].flatMap((target) => [
  malformed(`${target} without a token`, bySpark({}, target)),
  malformed(`${target} with an empty token`, bySpark({ token: "" }, target)),
  malformed(`${target} with two tokens`, { headers: [basic("spark")], body: "token=x&token=x", target }),
  malformed(`${target} with two hints`, {
    headers: [basic("spark")],
    body: "token=x&token_type_hint=a&token_type_hint=a",
    target,
  }),
  malformed(`${target} with the token in the query`, {
    headers: [basic("spark")],
    body: "",
    target: `${target}?token=x`,
  }),
  malformed(`${target} in JSON`, {
    headers: [basic("spark"), "Content-Type: application/json"],
    body: '{"token":"x"}',
    target,
  }),
  malformed(`${target} with a broken token`, { headers: [basic("spark")], body: "token=%zz", target }),
  malformed(`${target} with a token of 17,000 characters`, bySpark({ token: "x".repeat(17_000) }, target)),
  malformed(`${target} with Basic and client_secret`, bySpark({ token: "x", client_secret: "y" }, target)),
  malformed(`${target} with two Authorization headers`, {
    headers: [basic("spark"), "Authorization: Bearer x"],
    body: "token=x",
    target,
  }),
  refused(`${target} by nobody`, 401, "invalid_client", { body: "token=x", target }),
  refused(`${target} by a forged Bearer`, 401, "invalid_client", {
    headers: ["Authorization: Bearer x"],
    body: "token=x",
    target,
  }),
  refused(`${target} with the Bearer in the form`, 401, "invalid_client", { body: "token=x&access_token=y", target }),
  refused(`${target} by the wrong secret`, 401, "invalid_client", {
    body: "token=x&client_id=spark&client_secret=wrong",
    target,
  }),
  refused(`${target} by an assertion that is none`, 401, "invalid_client", {
    body: `token=x&client_assertion=a.b.c&client_assertion_type=${encodeURIComponent(JWT_BEARER)}`,
    target,
  }),
  ...["x", "a.b.c", "\0", "é", "null", "x".repeat(16_000), '"', "token"].map((token) =>
    accepted(`${target} of ${JSON.stringify(token.slice(0, 20))}`, bySpark({ token }, target)),
  ),
  accepted(`${target} with a hint that nobody knows`, bySpark({ token: "x", token_type_hint: "nonsense" }, target)),
]);

const DOCUMENTS = ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/errors"];
const READING: readonly OddRequest[] = DOCUMENTS.flatMap((target) => [
  ...["POST", "PUT", "DELETE", "PATCH"].map((method) =>
    refused(`${method} ${target}`, 405, "invalid_request", { method, target, body: "x=1" }),
  ),
  answered(`GET ${target} with a body`, 200, { method: "GET", target, body: "x=1" }),
  answered(`GET ${target} in part`, 200, { method: "GET", target, body: "", headers: ["Range: bytes=0-3"] }),
  answered(`GET ${target} with a query`, 200, { method: "GET", target: `${target}?callback=alert(1)`, body: "" }),
  answered(`GET ${target} if nothing matches`, 200, {
    method: "GET",
    target,
    body: "",
    headers: ['If-None-Match: "x", W/"y", *x'],
  }),
  answered(`GET ${target} if anything matches`, 304, {
    method: "GET",
    target,
    body: "",
    headers: ["If-None-Match: *"],
  }),
  answered(`GET ${target} with a Bearer`, 200, {
    method: "GET",
    target,
    body: "",
    headers: ["Authorization: Bearer x"],
  }),
]);

export const GRANTS: readonly OddRequest[] = [
  ...ASKING,
  ...EXCHANGES,
  ...REFRESHES,
  ...ASSERTIONS,
  ...TOKEN_ENDPOINTS,
  ...READING,
];
