/** Odd and malformed HTTP/1.1 requests, byte by byte, with the only statuses that each may get. */
import { SECRET } from "../support/fake-core.js";

export interface OddRequest {
  /** A sentence that states the rule. */
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
  /** Text that the answer must hold. */
  readonly says?: string;
}

const CREDENTIALS = `client_id=spark&client_secret=${SECRET}`;
const GOOD = `grant_type=client_credentials&${CREDENTIALS}`;
const FORM = "Content-Type: application/x-www-form-urlencoded";
const PATH = "/v1/oauth/tokens";

interface Parts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly host?: string;
}

/** A request with whatever is odd about it in place of what is usual. */
function http({
  method = "POST",
  target = PATH,
  version = "HTTP/1.1",
  headers = [FORM],
  body = GOOD,
  host = "x",
}: Parts) {
  const length = Buffer.byteLength(body, "latin1");
  const lines = [`${method} ${target} ${version}`, `Host: ${host}`, ...headers, `Content-Length: ${length}`];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

const form = (name: string, body: string, status: number, says?: string): OddRequest => ({
  name,
  bytes: http({ body }),
  status,
  ...(says !== undefined && { says }),
});
const header = (name: string, headers: readonly string[], status: number, says?: string): OddRequest => ({
  name,
  bytes: http({ headers }),
  status,
  ...(says !== undefined && { says }),
});
const target = (name: string, path: string, status: number): OddRequest => ({
  name,
  bytes: http({ target: path }),
  status,
});

const basic = (text: string) => `Authorization: Basic ${Buffer.from(text, "latin1").toString("base64")}`;
const ONLY_GRANT = "grant_type=client_credentials";
const many = (count: number, one: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => one(at)).join("&");

/** What the method and the target may be. */
const targets: readonly OddRequest[] = [
  ...["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"].map((method) => ({
    name: `${method} on the token endpoint is 405`,
    bytes: http({ method, body: "" }),
    status: 405,
    says: "Allow: POST",
  })),
  ...["GET", "OPTIONS"].map((method) => ({
    name: `${method} on the revocation endpoint is 405`,
    bytes: http({ method, target: "/v1/oauth/revoke", body: "" }),
    status: 405,
    says: "Allow: POST",
  })),
  {
    name: "POST on the keys is 405",
    bytes: http({ target: "/.well-known/jwks.json" }),
    status: 405,
    says: "Allow: GET",
  },
  { name: "a method that nobody knows is 400", bytes: http({ method: "BREW" }), status: 400 },
  { name: "a method in lower case is 400", bytes: http({ method: "post" }), status: 400 },
  { name: "CONNECT is refused", bytes: http({ method: "CONNECT", target: "x:1", body: "" }), status: 400 },
  target("a trailing slash is another path", `${PATH}/`, 404),
  target("a doubled slash is another path", "/v1//oauth/tokens", 404),
  target("dot segments are not resolved", "/v1/x/../oauth/tokens", 404),
  target("an escaped slash is no slash", "/v1%2Foauth/tokens", 404),
  target("escaped letters are not decoded", "/v1/oauth/%74okens", 404),
  target("paths are case-sensitive", "/V1/oauth/tokens", 404),
  target("a fragment is part of the path", `${PATH}#x`, 404),
  target("a path parameter is part of the path", `${PATH};x=1`, 404),
  target("an unknown path is 404", "/v1/config", 404),
  target("the root is 404", "/", 404),
  target("a member of Object.prototype is no path", "/__proto__", 404),
  target("the absolute form is taken", `http://x${PATH}`, 200),
  target("an empty query is no matter", `${PATH}?`, 200),
  target("an unknown query is ignored", `${PATH}?a=b`, 200),
  target("a prefix that is configured is served", "/api/catalog/v1/oauth/tokens", 200),
  { name: "an RPC that is not there is 404", bytes: http({ target: "/icemint.v1.TokenService/Nope" }), status: 404 },
  {
    name: "GetToken by GET is refused: the credentials would be in the URL",
    bytes: http({
      method: "GET",
      target:
        "/icemint.v1.TokenService/GetToken?encoding=json&message=%7B%22clientCredentials%22%3A%7B%7D%7D&connect=v1",
      headers: [],
      body: "",
    }),
    status: 405,
  },
  { name: "an RPC with a form is 415", bytes: http({ target: "/icemint.v1.TokenService/GetToken" }), status: 415 },
  {
    name: "a gRPC-Web call that is not there says UNIMPLEMENTED",
    bytes: http({ target: "/a.B/C", headers: ["Content-Type: application/grpc-web+proto"], body: "" }),
    status: 200,
    says: "grpc-status: 12",
  },
  {
    name: "an RPC with broken JSON is 400 and does not repeat it",
    bytes: http({
      target: "/icemint.v1.TokenService/GetToken",
      headers: ["Content-Type: application/json"],
      body: `{"clientSecret": s3cr3t`,
    }),
    status: 400,
    says: '"code":"invalid_argument"',
  },
  {
    name: "an RPC with broken protobuf is 400",
    bytes: http({
      target: "/icemint.v1.TokenService/GetToken",
      headers: ["Content-Type: application/proto"],
      body: "\xff\xff\xff\xff",
    }),
    status: 400,
    says: '"code":"invalid_argument"',
  },
  {
    name: "an RPC with a compression that nobody knows says so",
    bytes: http({
      target: "/icemint.v1.TokenService/GetToken",
      headers: ["Content-Type: application/json", "Content-Encoding: zstd"],
      body: "{}",
    }),
    status: 501,
    says: "unimplemented",
  },
  {
    name: "an RPC with a bad timeout is 400",
    bytes: http({
      target: "/icemint.v1.TokenService/GetToken",
      headers: ["Content-Type: application/json", "Connect-Timeout-Ms: soon"],
      body: "{}",
    }),
    status: 400,
  },
  {
    name: "a gRPC call over HTTP/1.1 gets its status in chunked trailers",
    bytes: http({
      target: "/icemint.v1.TokenService/GetToken",
      headers: ["Content-Type: application/grpc"],
      body: "\0\0\0\0\0",
    }),
    status: 200,
    says: "grpc-status: 3",
  },
];

/** What the message framing may be. */
const framing: readonly OddRequest[] = [
  { name: "no Host is 400", bytes: `POST ${PATH} HTTP/1.1\r\n${FORM}\r\nContent-Length: 0\r\n\r\n`, status: 400 },
  { name: "two Host headers are 400", bytes: http({ headers: [FORM, "Host: y"] }), status: 400 },
  { name: "a Host with a space is 400", bytes: http({ host: "a b" }), status: 400 },
  { name: "a Host with a path is 400", bytes: http({ host: "a/b" }), status: 400 },
  { name: "a Host with a user is 400", bytes: http({ host: "u@a" }), status: 400 },
  { name: "a Host with a port is fine", bytes: http({ host: "[::1]:8181" }), status: 200 },
  { name: "HTTP/1.0 is answered", bytes: http({ version: "HTTP/1.0" }), status: 200 },
  { name: "a version that does not exist is 400", bytes: http({ version: "HTTP/1.7" }), status: 400 },
  { name: "HTTP/2 as text is 400", bytes: http({ version: "HTTP/2.0" }), status: 400 },
  { name: "HTTP/0.9 is 400", bytes: `GET ${PATH}\r\n\r\n`, status: 400 },
  { name: "bytes that are no HTTP are 400", bytes: "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", status: 400 },
  { name: "a bare LF in the header is 400", bytes: http({ headers: [`${FORM}\nX: y`] }), status: 400 },
  { name: "a NUL in a header is 400", bytes: http({ headers: [FORM, "X: a\0b"] }), status: 400 },
  { name: "a header without a colon is 400", bytes: http({ headers: [FORM, "Nonsense"] }), status: 400 },
  { name: "a space before the colon is 400", bytes: http({ headers: [FORM, "X : y"] }), status: 400 },
  { name: "a folded header is 400", bytes: http({ headers: [FORM, "X: y\r\n z"] }), status: 400 },
  { name: "two lengths are 400", bytes: http({ headers: [FORM, "Content-Length: 3"] }), status: 400 },
  {
    name: "a negative length is 400",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`,
    status: 400,
  },
  {
    name: "a length in words is 400",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n`,
    status: 400,
  },
  {
    name: "a length with a sign is 400",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc`,
    status: 400,
  },
  {
    name: "length and chunks together are 400",
    bytes: http({ headers: [FORM, "Transfer-Encoding: chunked"] }),
    status: 400,
  },
  {
    name: "a chunked body is read",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n${GOOD.length.toString(16)}\r\n${GOOD}\r\n0\r\n\r\n`,
    status: 200,
  },
  {
    name: "a chunk size that is no number is 400",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${FORM}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: "a transfer coding that nobody knows is 400",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${FORM}\r\nTransfer-Encoding: cow\r\n\r\n${GOOD}`,
    status: 400,
  },
  {
    name: "chunked that is not last is 400",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${FORM}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n${GOOD}`,
    status: 400,
  },
  {
    name: "headers of more than 32 KiB are 431",
    bytes: http({ headers: [FORM, `X: ${"a".repeat(33_000)}`] }),
    status: 431,
  },
  {
    name: "a long Bearer is read",
    bytes: http({ headers: [FORM, `Authorization: Bearer ${"a".repeat(20_000)}`] }),
    status: 200,
  },
  { name: "a URL of more than 32 KiB is 431", bytes: http({ target: `${PATH}?${"a".repeat(33_000)}` }), status: 431 },
  {
    name: "a body that says it is over 256 KiB is 400 at once",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${FORM}\r\nContent-Length: 999999999\r\n\r\n`,
    status: 400,
    says: "Connection: close",
  },
  {
    name: "a body that turns out to be over 256 KiB is 400",
    bytes: `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n50000\r\n${"a".repeat(0x50000)}`,
    status: 400,
    says: "Connection: close",
  },
  {
    name: "an upgrade to h2c is not taken up",
    bytes: http({ headers: [FORM, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"] }),
    status: 200,
  },
  {
    name: "an upgrade to a WebSocket is not taken up",
    bytes: http({ headers: [FORM, "Connection: Upgrade", "Upgrade: websocket"] }),
    status: 200,
  },
  { name: "an expectation that nobody knows is 417", bytes: http({ headers: [FORM, "Expect: magic"] }), status: 417 },
  { name: "Expect: 100-continue is answered", bytes: http({ headers: [FORM, "Expect: 100-continue"] }), status: 100 },
];

/** What the headers may be. */
const headers: readonly OddRequest[] = [
  header("no Content-Type is 400", [], 400, "Content-Type"),
  header("a form that says it is JSON is 400", ["Content-Type: application/json"], 400, "JSON"),
  header("multipart is 400", ["Content-Type: multipart/form-data; boundary=x"], 400),
  header("text is 400", ["Content-Type: text/plain"], 400),
  header("a type that only begins like a form is 400", ["Content-Type: application/x-www-form-urlencodedx"], 400),
  header("the type in capitals is taken", ["Content-Type: Application/X-WWW-Form-URLEncoded"], 200),
  header("charset utf-8 is taken", [`${FORM}; charset=utf-8`], 200),
  header("charset UTF-8 is taken", [`${FORM};charset=UTF-8`], 200),
  header("a quoted charset is taken", [`${FORM}; charset="utf-8"`], 200),
  header("another parameter of the type is ignored", [`${FORM}; x=y`], 200),
  header("charset latin-1 is 400", [`${FORM}; charset=iso-8859-1`], 400, "charset"),
  header("charset utf-16 is 400", [`${FORM}; charset=utf-16`], 400, "charset"),
  header("gzip is 400, and is not inflated", [FORM, "Content-Encoding: gzip"], 400, "compressed"),
  header("identity is no compression", [FORM, "Content-Encoding: identity"], 200),
  header("two Authorization headers are 400", [FORM, basic("a:b"), basic("a:b")], 400, "Authorization"),
  header("two of them in other letters too", [FORM, "Authorization: Bearer a", "aUTHORIZATION: Bearer b"], 400),
  header("an empty Authorization is none", [FORM, "Authorization:"], 200),
  header("a request id is given back", [FORM, "X-Request-Id: abc-123"], 200, "X-Request-Id: abc-123"),
  header("an Accept that we cannot satisfy is no matter", [FORM, "Accept: image/png"], 200),
  header("an answer is never compressed", [FORM, "Accept-Encoding: gzip, br"], 200, "Content-Length"),
  header("an Origin is no matter to the form", [FORM, "Origin: https://evil.example"], 200),
  header("a Range is no matter", [FORM, "Range: bytes=0-1"], 200),
];

/** What the form may be. */
const forms: readonly OddRequest[] = [
  form("an empty body is 400", "", 400, "GRANT_TYPE_MISSING"),
  form("only separators are an empty form", "&&&&", 400, "GRANT_TYPE_MISSING"),
  form("an empty grant type is none", `grant_type=&${CREDENTIALS}`, 400, "GRANT_TYPE_MISSING"),
  form("a grant type without = is none", `grant_type&${CREDENTIALS}`, 400, "GRANT_TYPE_MISSING"),
  form("grant types are case-sensitive", `grant_type=Client_Credentials&${CREDENTIALS}`, 400, "unsupported_grant_type"),
  form("parameter names are case-sensitive", `Grant_Type=client_credentials&${CREDENTIALS}`, 400, "GRANT_TYPE_MISSING"),
  form("a grant type with a space is another", `grant_type=client_credentials+&${CREDENTIALS}`, 400),
  form("the authorization code grant is unknown", `grant_type=authorization_code&${CREDENTIALS}`, 400),
  form("JSON in a form is no form", `{"grant_type":"client_credentials"}`, 400),
  form("separators too many are no matter", `&&${GOOD}&&`, 200),
  form("a parameter without a value is absent", `${GOOD}&scope=`, 200),
  form("a parameter without = is absent", `${GOOD}&scope`, 200),
  form("unknown parameters are ignored", `${GOOD}&foo=bar`, 200),
  form("an unknown parameter may be repeated", `${GOOD}&foo=1&foo=2`, 200),
  form("an unknown parameter may be malformed", `${GOOD}&foo=%zz%ff&%zz=1`, 200),
  form("members of Object.prototype are unknown parameters", `${GOOD}&__proto__=x&constructor=y&toString=z`, 200),
  form("an unknown parameter may be long", `${GOOD}&foo=${"x".repeat(100_000)}`, 200),
  form("a repeated grant type is 400", `${GOOD}&grant_type=client_credentials`, 400, "more than once"),
  form("a repeated client is 400, also with an equal value", `${GOOD}&client_id=spark`, 400, "more than once"),
  form("a repeated scope is 400", `${GOOD}&scope=a&scope=b`, 400, "more than once"),
  form("a repeat is 400 even when one is empty", `${GOOD}&scope=a&scope=`, 400, "more than once"),
  form("a repeat that is spelt with an escape is 400", `${GOOD}&client%5Fid=spark`, 400, "more than once"),
  form("a name that is spelt with an escape is known", `grant%5ftype=client_credentials&${CREDENTIALS}`, 200),
  form("audience may be repeated", `${GOOD}&audience=a&audience=b`, 200),
  form("resource may be repeated", `${GOOD}&resource=https://a&resource=https://b`, 200),
  form("a broken escape is 400", `${GOOD}&scope=%`, 400, "not well-formed"),
  form("half an escape is 400", `${GOOD}&scope=a%2`, 400, "not well-formed"),
  form("an escape that is no hex is 400", `${GOOD}&scope=%G1`, 400, "not well-formed"),
  form("a lone continuation byte is 400", `${GOOD}&scope=%80`, 400, "not well-formed"),
  form("overlong UTF-8 is 400", `${GOOD}&scope=%C0%AF`, 400, "not well-formed"),
  form("a surrogate is 400", `${GOOD}&scope=%ED%A0%80`, 400, "not well-formed"),
  form("UTF-8 that is cut off is 400", `${GOOD}&scope=%E2%82`, 400, "not well-formed"),
  form("bytes that are no UTF-8 are 400", `${GOOD}&scope=\xff`, 400, "not well-formed"),
  form("the old %uXXXX is 400", `${GOOD}&scope=%u0041`, 400, "not well-formed"),
  form("well-formed UTF-8 is passed on", `${GOOD}&audience=%E2%82%AC`, 200),
  form("UTF-8 without escapes is passed on", `${GOOD}&audience=\xe2\x82\xac`, 200),
  form("a NUL is a character like others", `grant_type=client_credentials&client_id=a%00b&client_secret=x`, 401),
  form(
    "a newline in an id is an unknown client",
    `grant_type=client_credentials&client_id=a%0D%0Ab&client_secret=x`,
    401,
  ),
  form("64 parameters are taken", `${GOOD}&${many(61, (at) => `x${at}=1`)}`, 200),
  form("65 parameters are 400", `${GOOD}&${many(62, (at) => `x${at}=1`)}`, 400, "more than 64"),
  form("20,000 separators are no parameters", `${GOOD}${"&".repeat(20_000)}`, 200),
  form(
    "a secret of 16 KiB is read",
    `grant_type=client_credentials&client_id=a&client_secret=${"x".repeat(16_384)}`,
    401,
  ),
  form(
    "a longer one is 400",
    `grant_type=client_credentials&client_id=a&client_secret=${"x".repeat(16_385)}`,
    400,
    "longer",
  ),
  form(
    "a client id of 4 KiB is read",
    `grant_type=client_credentials&client_id=${"x".repeat(4096)}&client_secret=y`,
    401,
  ),
  form(
    "a longer one is 400 too",
    `grant_type=client_credentials&client_id=${"x".repeat(4097)}&client_secret=y`,
    400,
    "longer",
  ),
  form(
    "a wrong secret is 401",
    `grant_type=client_credentials&client_id=spark&client_secret=no`,
    401,
    "WWW-Authenticate: Basic",
  ),
  form("no credentials are 401", ONLY_GRANT, 401, "WWW-Authenticate: Basic"),
  {
    name: "a dead Bearer is answered with its own challenge",
    bytes: http({ headers: [FORM, "Authorization: Bearer dead"], body: ONLY_GRANT }),
    status: 401,
    says: "WWW-Authenticate: Bearer",
  },
  {
    name: "Basic that is no base64 is 401",
    bytes: http({ headers: [FORM, "Authorization: Basic ***"], body: ONLY_GRANT }),
    status: 401,
  },
  {
    name: "credentials in the query are as if absent",
    bytes: http({ target: `${PATH}?${CREDENTIALS}`, body: ONLY_GRANT }),
    status: 401,
  },
  {
    name: "a request that is all in the query is told why it fails",
    bytes: http({ target: `${PATH}?${GOOD}`, headers: [], body: "" }),
    status: 400,
    says: "oauth_server_use_request_body",
  },
  {
    name: "a form sent by GET is 405",
    bytes: http({ method: "GET", target: `${PATH}?${GOOD}`, body: "" }),
    status: 405,
  },
  {
    name: "a revocation without a token is 400",
    bytes: http({ target: "/v1/oauth/revoke", body: CREDENTIALS }),
    status: 400,
    says: "PARAMETER_MISSING",
  },
  {
    name: "a hint that nobody knows changes nothing",
    bytes: http({ target: "/v1/oauth/revoke", body: `${CREDENTIALS}&token=t&token_type_hint=cow` }),
    status: 200,
  },
  {
    name: "an introspection without credentials is 401",
    bytes: http({ target: "/v1/oauth/introspect", body: "token=t" }),
    status: 401,
  },
  {
    name: "a grant's parameters are unknown to revocation",
    bytes: http({ target: "/v1/oauth/revoke", body: `${CREDENTIALS}&token=t&scope=a&scope=b` }),
    status: 200,
  },
];

export const oddRequests: readonly OddRequest[] = [...targets, ...framing, ...headers, ...forms];
