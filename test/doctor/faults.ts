/** One planted fault for each finding and note of the token endpoint. */
import type { ServerResponse } from "node:http";
import { type Fault, type StubAnswer, type StubRequest, refusal } from "./stub-endpoint.js";

type When = (request: StubRequest) => boolean;

const always: When = () => true;
const isExchange: When = ({ form }) => form.has("subject_token");
const isStart: When = ({ grant }) => grant === "client_credentials";
const isWrong: When = ({ body, headers }) => /wrong-secret/.test(body + unbase64(headers.authorization));
const asksFor =
  (scope: string | null): When =>
  (request) =>
    isStart(request) && request.form.get("scope") === scope;

function unbase64(authorization = ""): string {
  return Buffer.from(authorization.split(" ")[1] ?? "", "base64").toString("utf8");
}

/** Refuses what the condition names. */
function refuses(when: When, answer: StubAnswer): Fault {
  return (right, request) => (when(request) ? answer : right);
}

/** Changes members of the answers that have a token; `undefined` leaves one out. */
function members(changed: Readonly<Record<string, unknown>>, when: When = always): Fault {
  return (right, request) =>
    right.status === 200 && when(request) ? { ...right, body: { ...(right.body as object), ...changed } } : right;
}

function withHeaders(changed: Readonly<Record<string, string>>, when: (answer: StubAnswer) => boolean): Fault {
  return (right) => (when(right) ? { ...right, headers: { ...right.headers, ...changed } } : right);
}

/** Spells a member as JSON.stringify would not. */
function spelled(from: string, to: string): Fault {
  return (right) => (right.status === 200 ? { ...right, body: JSON.stringify(right.body).replace(from, to) } : right);
}

const good = ({ status }: StubAnswer): boolean => status === 200;
const bad = ({ status }: StubAnswer): boolean => status === 401;
const invalidClient = refusal(401, "invalid_client");

function jwt(exp: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256" })}.${part({ iss: "https://stub.example", sub: "etl", exp })}.c2ln`;
}

const soon = (): number => Math.floor(Date.now() / 1000);

/** Gives other bodies in place of refusals. */
const says =
  (body: StubAnswer["body"], type = "application/json"): Fault =>
  (right) =>
    bad(right) ? { ...right, headers: { ...right.headers, "content-type": type }, body } : right;

const destroys =
  (when: When): Fault =>
  (right, request, response: ServerResponse) => {
    if (when(request)) response.destroy();
    return right;
  };

/** By finding. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  REDIRECTED: (right) => ({ ...right, status: 307, headers: { location: "https://elsewhere.example/" }, body: "" }),
  NOT_A_TOKEN_ENDPOINT: () => ({ status: 501, headers: { "content-type": "text/plain" }, body: "not here" }),
  UNAVAILABLE: () => refusal(503, "temporarily_unavailable"),
  RETRY_AFTER_MISSING: refuses(isExchange, refusal(503, "temporarily_unavailable")),
  SERVER_ERROR: refuses(isExchange, refusal(500, "server_error")),
  CONNECTION_DROPPED: destroys(isExchange),
  BURST_REFUSED: burst(),
  KEEP_ALIVE_OFF: withHeaders({ connection: "close" }, always as () => boolean),
  GET_ANSWERED: refuses(({ method }) => method === "GET", { status: 200, headers: {}, body: "<html>" }),
  POST_REFUSED: refuses(({ by }) => by === "form", invalidClient),
  BASIC_REFUSED: refuses(({ by }) => by === "basic", invalidClient),
  STALE_BEARER_REFUSED: refuses(
    ({ by, headers: { authorization = "" } }) => by === "form" && authorization !== "",
    invalidClient,
  ),
  SECRET_ONLY_REFUSED: refuses(({ by, form }) => by === "form" && !form.has("client_id"), invalidClient),
  SECRET_ONLY_BASIC_REFUSED: refuses(
    ({ by, headers: { authorization } }) => by === "basic" && !unbase64(authorization).includes(":"),
    invalidClient,
  ),
  LOCKED_OUT: lockout(),
  WRONG_SECRET_ACCEPTED: (right, request) =>
    isWrong(request)
      ? { ...right, status: 200, body: { access_token: "x", token_type: "bearer", expires_in: 3600 } }
      : right,
  START_REFUSED: refuses(
    ({ headers: { "user-agent": agent = "" } }) => agent.startsWith("GoIceberg"),
    refusal(400, "invalid_request"),
  ),
  SCOPE_CATALOG_REFUSED: refuses(asksFor("catalog"), refusal(400, "invalid_scope")),
  SCOPE_ROLE_ALL_REFUSED: refuses(asksFor("PRINCIPAL_ROLE:ALL"), refusal(400, "invalid_request", "unknown role")),
  SCOPE_ABSENT_REFUSED: refuses(asksFor(null), refusal(400, "invalid_scope")),
  SCOPE_EMPTY_REFUSED: refuses(asksFor(""), refusal(400, "invalid_scope")),
  CHARSET_REFUSED: refuses(
    ({ headers: { "content-type": type = "" } }) => type.includes("charset"),
    refusal(400, "invalid_request"),
  ),
  JSON_BODY_REFUSED: refuses(
    ({ headers: { "content-type": type = "" } }) => type.includes("json"),
    refusal(415, "invalid_request"),
  ),
  UNENCODED_FORM_REFUSED: refuses(
    ({ body }) => body.includes("grant_type=urn:"),
    refusal(400, "unsupported_grant_type"),
  ),
  STATUS_NOT_200: (right) => (good(right) ? { ...right, status: 201 } : right),
  CONTENT_TYPE_NOT_JSON: withHeaders({ "content-type": "text/plain" }, good),
  ANSWER_NOT_JSON: (right, request) =>
    isExchange(request) && good(right) ? { ...right, body: "<html>hello</html>" } : right,
  ANSWER_TOO_BIG: spelled("{", `{"padding": "${"x".repeat(300 * 1024)}", `),
  ANSWER_COMPRESSED: withHeaders({ "content-encoding": "br" }, good),
  ANSWER_CACHEABLE: withHeaders({ "cache-control": "public, max-age=60" }, good),
  NO_STORE_MISSING: withHeaders({ "cache-control": "private" }, good),
  ACCESS_TOKEN_MISSING: members({ access_token: undefined }, isExchange),
  ACCESS_TOKEN_MALFORMED: members({ access_token: "token 1" }, isExchange),
  ACCESS_TOKEN_TOO_LONG: members({ access_token: "x".repeat(9000) }, isExchange),
  TOKEN_TYPE_MISSING: members({ token_type: undefined }),
  TOKEN_TYPE_CASE: members({ token_type: "Bearer" }),
  TOKEN_TYPE_UNKNOWN: members({ token_type: "DPoP" }),
  EXPIRES_IN_MISSING: members({ expires_in: undefined }, isStart),
  EXPIRES_IN_ZERO: members({ expires_in: 0 }),
  EXPIRES_IN_STRING: members({ expires_in: "3600" }),
  EXPIRES_IN_FRACTION: spelled("3600", "3600.0"),
  EXPIRES_IN_HUGE: members({ expires_in: 2 ** 31 }),
  TOKEN_LIFE_SHORT: members({ expires_in: 60 }),
  TOKEN_LIFE_UNDER_300: members({ expires_in: 300 }),
  TOKEN_EXPIRED_ON_ARRIVAL: (right, request, response) =>
    members({ access_token: jwt(soon() - 100) }, isStart)(right, request, response),
  EXP_DISAGREES: (right, request, response) =>
    members({ access_token: jwt(soon() + 600) }, isStart)(right, request, response),
  NULL_FIELD: members({ refresh_token: null }),
  SCOPE_IN_ANSWER_NO_STRING: members({ scope: ["catalog"] }),
  SCOPE_IN_ANSWER_INVALID: members({ scope: "a  b" }),
  ISSUED_TOKEN_TYPE_UNKNOWN: members({ issued_token_type: "bearer" }),
  WRONG_SECRET_STATUS: refuses(isWrong, refusal(403, "invalid_client")),
  WRONG_SECRET_CODE: refuses(isWrong, refusal(401, "unauthorized_client")),
  WWW_AUTHENTICATE_MISSING: (right) =>
    bad(right) ? { ...right, headers: { "content-type": "application/json" } } : right,
  ERROR_NOT_JSON: says("<h1>Unauthorized</h1>", "text/html"),
  ERROR_ICEBERG_SHAPE: says({ error: { message: "no", type: "NotAuthorizedException", code: 401 } }),
  ERROR_WITHOUT_CODE: says({ message: "no" }),
  ERROR_CODE_UNKNOWN: says({ error: "access_denied", error_description: "no" }),
  ERROR_STATUS: refuses(isExchange, refusal(419, "invalid_grant")),
  ERROR_DESCRIPTION_MISSING: says({ error: "invalid_client" }),
  REFRESH_REFUSED: refuses(isExchange, refusal(400, "unsupported_grant_type")),
  REFRESH_BEARER_REFUSED: refuses((request) => isExchange(request) && request.by === "bearer", invalidClient),
  REFRESH_BASIC_REFUSED: refuses(
    (request) => isExchange(request) && request.by === "basic",
    refusal(400, "invalid_request"),
  ),
  REFRESH_EXPIRED_REFUSED: expiring(),
  REFRESH_NOT_REPEATABLE: singleUse(),
  REFRESH_SECOND_REFUSED: refuses(
    ({ form, by }) =>
      by === "bearer" && !form.has("actor_token") && /^token-(?!1$)/.test(form.get("subject_token") ?? ""),
    refusal(400, "invalid_grant"),
  ),
  REFRESH_EXPIRES_IN_MISSING: members({ expires_in: undefined }, isExchange),
  REFRESH_ISSUED_TOKEN_TYPE_MISSING: members({ issued_token_type: undefined }, isExchange),
  REFRESH_CHANGES_SUBJECT: changesSubject(),
  REFRESH_TOKEN_REFUSED: (right, request, response) =>
    request.grant === "refresh_token"
      ? refusal(400, "unauthorized_client")
      : members({ refresh_token: "refresh-1" })(right, request, response),
  SUBJECT_NOT_VERIFIED: (right, { by, isRightful, number }) =>
    by === "basic" && isRightful
      ? {
          ...right,
          status: 200,
          body: {
            access_token: `token-${number}`,
            token_type: "bearer",
            expires_in: 3600,
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
          },
        }
      : right,
  UNSECURED_SUBJECT_REFUSED: (right) => right,
  UNSECURED_SUBJECT_ACCEPTED: (right, { form, number }) =>
    form.has("actor_token") && (form.get("subject_token") ?? "").endsWith(".")
      ? {
          ...right,
          status: 200,
          body: {
            access_token: `token-${number}`,
            token_type: "bearer",
            expires_in: 3600,
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
          },
        }
      : right,
};

/** Answers one request at a time, and all others with 429. */
function burst(): Fault {
  let busy = 0;
  return async (right) => {
    busy++;
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(() => setImmediate(() => setImmediate(resolve)));
    const others = busy > 1;
    await promise;
    const answer = others
      ? { ...refusal(429, "slow_down"), headers: { "retry-after": "1", "content-type": "application/json" } }
      : right;
    busy--;
    return answer;
  };
}

/** From the first wrong secret on, nobody gets in. */
function lockout(): Fault {
  let locked = false;
  return (right, request) => {
    const answer = locked ? invalidClient : right;
    locked ||= isWrong(request);
    return answer;
  };
}

/** Tokens that live for three seconds, and may not be refreshed after that. */
function expiring(): Fault {
  const ends = new Map<string, number>();
  return (right, request, response) => {
    const end = ends.get(request.form.get("subject_token") ?? "") ?? Infinity;
    ends.set(`token-${request.number}`, Date.now() + 2000);
    return Date.now() > end ? refusal(400, "invalid_grant") : members({ expires_in: 2 })(right, request, response);
  };
}

function singleUse(): Fault {
  const used = new Set<string>();
  return (right, { form, by }) => {
    const subject = form.get("subject_token") ?? "";
    if (by !== "bearer" || form.has("actor_token")) return right;
    if (used.has(subject)) return refusal(400, "invalid_grant");
    used.add(subject);
    return right;
  };
}

function changesSubject(): Fault {
  const named = (sub: string): string =>
    jwt(soon() + 3600).replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ sub })).toString("base64url")}.`);
  return (right, request) => {
    const isRefresh = isExchange(request);
    if (right.status !== 200 && !isRefresh) return right;
    const body = {
      access_token: named(isRefresh ? "service" : "etl"),
      token_type: "bearer",
      expires_in: 3600,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    };
    return {
      ...right,
      status: 200,
      headers: { "content-type": "application/json", "cache-control": "no-store" },
      body,
    };
  };
}
