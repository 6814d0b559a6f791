/** Odd and malformed calls in Connect, gRPC-Web and gRPC, against the whole server. */
import { Buffer } from "node:buffer";
import { connect, type ClientHttp2Session } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningApp } from "../support/running-app.js";
import { freshAddress, login, secretOf, startWorld } from "./world.js";

let app: RunningApp;
let session: ClientHttp2Session;
beforeAll(async () => {
  app = await startWorld();
  session = connect(app.url);
});
afterAll(async () => {
  session.close();
  await app[Symbol.asyncDispose]();
});

const SECRET = secretOf("spark");
const JSON_GOOD = JSON.stringify({ clientCredentials: {}, clientId: "spark", clientSecret: SECRET });
const GET_TOKEN = "/icemint.v1.TokenService/GetToken";

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** A Connect call over HTTP/1.1. */
async function call({ method = "POST", path = GET_TOKEN, headers = {}, body = JSON_GOOD }: Call) {
  const response = await fetch(app.url + path, {
    method,
    headers: { "content-type": "application/json", "x-forwarded-for": freshAddress(), ...headers },
    ...(method !== "GET" && method !== "HEAD" && { body }),
  });
  return { status: response.status, text: await response.text(), requestId: response.headers.get("x-request-id") };
}

const json = (value: unknown): Call => ({ body: JSON.stringify(value) });
const asking = (more: object): Call => json({ clientId: "spark", clientSecret: SECRET, ...more });
const nested = (depth: number): string => `${'{"x":'.repeat(depth)}1${"}".repeat(depth)}`;

/** Connect's status for invalid_argument, unauthenticated, resource_exhausted, unimplemented and deadline_exceeded. */
const CONNECT_CALLS: readonly (readonly [name: string, status: number, code: string | undefined, call: Call])[] = [
  [
    "GET",
    405,
    undefined,
    { method: "GET", path: `${GET_TOKEN}?connect=v1&encoding=json&message=${encodeURIComponent(JSON_GOOD)}` },
  ],
  ["PUT", 405, undefined, { method: "PUT" }],
  ["DELETE", 405, undefined, { method: "DELETE" }],
  ["OPTIONS", 405, undefined, { method: "OPTIONS", body: "" }],
  [
    "GET of IntrospectToken",
    405,
    undefined,
    { method: "GET", path: "/icemint.v1.TokenService/IntrospectToken?encoding=json&message={}" },
  ],
  [
    "GET of RevokeToken",
    405,
    undefined,
    { method: "GET", path: "/icemint.v1.TokenService/RevokeToken?encoding=json&message={}" },
  ],
  ["a method in capitals", 404, undefined, { path: GET_TOKEN.toUpperCase() }],
  ["a slash at the end", 404, undefined, { path: `${GET_TOKEN}/` }],
  ["a method that is not", 404, undefined, { path: "/icemint.v1.TokenService/Steal" }],
  ["a service that is not", 404, undefined, { path: "/icemint.v2.TokenService/GetToken" }],
  ["an encoded path", 404, undefined, { path: GET_TOKEN.replace("G", "%47") }],
  ...[
    "application/x-www-form-urlencoded",
    "text/json",
    "application/xml",
    "application/connect+json",
    "multipart/form-data",
  ].map((type) => [`Content-Type ${type}`, 415, undefined, { headers: { "content-type": type } }] as const),
  ...[
    "{",
    "}",
    "[]",
    "null",
    "1",
    '"x"',
    "",
    " ",
    "\0",
    "{}x",
    JSON_GOOD.slice(0, -1),
    JSON_GOOD.replace("}", ",}"),
  ].map((body) => [`body ${JSON.stringify(body.slice(0, 20))}`, 400, "invalid_argument", { body }] as const),
  [
    "a body of broken UTF-8",
    400,
    "invalid_argument",
    { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
  ],
  ["a number for a text", 400, "invalid_argument", json({ clientCredentials: {}, clientId: 1 })],
  ["a list for a text", 400, "invalid_argument", json({ clientCredentials: {}, clientId: ["spark"] })],
  ["a text for a list", 400, "invalid_argument", asking({ clientCredentials: {}, audience: "x" })],
  ["a text for a message", 400, "invalid_argument", asking({ clientCredentials: "x" })],
  ["a secret where a message should be", 400, "invalid_argument", json({ clientCredentials: SECRET })],
  [
    "a secret where a number could be",
    400,
    "invalid_argument",
    asking({ tokenExchange: { subjectTokenType: SECRET } }),
  ],
  ["an enum that is not", 400, "invalid_argument", asking({ tokenExchange: { subjectTokenType: "TOKEN_TYPE_NONE" } })],
  [
    "an enum number that is not",
    400,
    "invalid_argument",
    asking({ tokenExchange: { subjectToken: "x", subjectTokenType: 99 } }),
  ],
  ["no grant", 400, "invalid_argument", asking({})],
  ["two grants", 400, "invalid_argument", asking({ clientCredentials: {}, refreshToken: {} })],
  [
    "a field twice under both its names",
    400,
    "invalid_argument",
    { body: JSON_GOOD.replace("{", '{"client_id":"spark",') },
  ],
  ["a lone surrogate", 400, "invalid_argument", { body: JSON_GOOD.replace("spark", "\\ud800") }],
  ["a NUL in the id", 401, "unauthenticated", { body: JSON_GOOD.replace("spark", "spark\\u0000") }],
  ["65 audiences", 400, "invalid_argument", asking({ clientCredentials: {}, audience: Array(65).fill("x") })],
  ["an id of 5,000 characters", 400, "invalid_argument", json({ clientCredentials: {}, clientId: "c".repeat(5000) })],
  [
    "a secret of 17,000 characters",
    400,
    "invalid_argument",
    json({ clientCredentials: {}, clientSecret: "c".repeat(17_000) }),
  ],
  ["a message of 300 kilobytes", 429, "resource_exhausted", asking({ x: "x".repeat(300_000) })],
  ["10,000 levels", 400, "invalid_argument", { body: nested(10_000) }],
  ["10,000 levels of lists", 400, "invalid_argument", { body: `{"x":${"[".repeat(10_000)}${"]".repeat(10_000)}}` }],
  [
    "protobuf of noise",
    400,
    "invalid_argument",
    { headers: { "content-type": "application/proto" }, body: Buffer.alloc(64, 0xff) },
  ],
  [
    "protobuf cut off",
    400,
    "invalid_argument",
    { headers: { "content-type": "application/proto" }, body: Buffer.from([0x0a, 0x7f, 0x61]) },
  ],
  ["JSON called protobuf", 400, "invalid_argument", { headers: { "content-type": "application/proto" } }],
  ...["abc", "-1", "1.5", "1e3", "99999999999", "0x10", " "].map(
    (ms) =>
      [
        `Connect-Timeout-Ms ${JSON.stringify(ms)}`,
        400,
        "invalid_argument",
        { headers: { "connect-timeout-ms": ms } },
      ] as const,
  ),
  ...["br", "deflate", "x", "gzip, gzip"].map(
    (coding) =>
      [`Content-Encoding ${coding}`, 501, "unimplemented", { headers: { "content-encoding": coding } }] as const,
  ),
  ["Content-Encoding gzip of a plain body", 400, "invalid_argument", { headers: { "content-encoding": "gzip" } }],
  [
    "gzip of ten megabytes",
    429,
    "resource_exhausted",
    { headers: { "content-encoding": "gzip" }, body: new Uint8Array(gzipSync(Buffer.alloc(10_000_000, " "))) },
  ],
  [
    "Basic and a secret in the message",
    400,
    "invalid_argument",
    { headers: { authorization: `Basic ${btoa(`spark:${SECRET}`)}` } },
  ],
  [
    "a Basic header of noise",
    401,
    "unauthenticated",
    { ...json({ clientCredentials: {} }), headers: { authorization: "Basic !!!" } },
  ],
  ["no credentials", 401, "unauthenticated", json({ clientCredentials: {} })],
  [
    "credentials in the query",
    401,
    "unauthenticated",
    { ...json({ clientCredentials: {} }), path: `${GET_TOKEN}?clientId=spark&clientSecret=${SECRET}` },
  ],
];

describe("a Connect call with", () => {
  test("nothing odd is answered, unknown fields and a wide timeout included", async () => {
    const headers = { "connect-timeout-ms": "9999999999", "connect-protocol-version": "1" };
    const body = JSON_GOOD.replace("{", '{"unknown":{"x":[1]},"__proto__":{"clientId":"trino"},');
    expect(await call({ body, headers })).toMatchObject({ status: 200 });
  });

  test.each(CONNECT_CALLS)("%s is answered %i %s", async (_, status, code, odd) => {
    const answer = await call(odd);
    expect(answer.status).toBe(status);
    expect(answer.requestId).toMatch(/^[\w.~:=/+-]{1,64}$/);
    expect(answer.text).not.toContain("marked-secret");
    expect(answer.text).not.toContain("node_modules");
    if (code === undefined) return;
    const { code: said, details } = JSON.parse(answer.text) as { code: string; details: { type: string }[] };
    expect(said).toBe(code);
    expect(details.map(({ type }) => type)).toContain("google.rpc.ErrorInfo");
  });
});

describe("a Connect call in JSON that names its charset", () => {
  const headers = { "content-type": "application/json; charset=utf-8" };

  test("is answered", async () => {
    expect(await call({ headers })).toMatchObject({ status: 200 });
  });

  test.each([
    ["a message where a text should be", JSON.stringify({ clientCredentials: {}, clientSecret: { x: SECRET } })],
    ["a secret where a message should be", JSON.stringify({ clientCredentials: SECRET })],
    ["broken JSON", `{"clientSecret":"${SECRET}`],
    ["a secret that is the whole body", SECRET],
  ])("is refused with all details and repeats nothing of %s", async (_, body) => {
    const answer = await call({ headers, body });
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain("marked");
    expect(answer.text).toContain("google.rpc.ErrorInfo");
  });
});

describe("a gRPC call that cannot be one over HTTP/1.1", () => {
  test.each([
    ["gRPC-Web in text", "application/grpc-web-text", [415]],
    ["gRPC of an unknown codec", "application/grpc+xml", [415, 505]],
  ])("%s is told so", async (_, type, statuses) => {
    expect(statuses).toContain((await call({ headers: { "content-type": type } })).status);
  });

  test.each([
    ["noise", Buffer.alloc(32, 0xff)],
    ["nothing", Buffer.alloc(0)],
    ["JSON", Buffer.from(JSON_GOOD)],
    ["a giant length", Buffer.from("00ffffffff", "hex")],
  ])("gRPC-Web of %s is refused in its trailers", async (_, body) => {
    const answer = await call({ headers: { "content-type": "application/grpc-web+proto" }, body });
    expect(answer.status).toBe(200);
    expect(answer.text).toMatch(/grpc-status: ([1-9]|1[0-6])\r?\n/);
  });
});

/** A message as protobuf's wire format has it, by field number. */
function protobuf(...fields: readonly (readonly [number, string | Buffer])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      const content = Buffer.from(value);
      return [Buffer.of((number << 3) | 2, content.length), content];
    }),
  );
}

function envelope(message: Buffer, flags = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

/** Sends bytes as a gRPC call and returns HTTP's status and gRPC's, with the message. */
function grpc(body: Buffer, headers: Readonly<Record<string, string>> = {}) {
  const { promise, resolve } = Promise.withResolvers<{ http: number; status: string; message: string }>();
  const stream = session.request({
    ":method": "POST",
    ":path": GET_TOKEN,
    "content-type": "application/grpc",
    te: "trailers",
    "x-forwarded-for": freshAddress(),
    ...headers,
  });
  const seen: Record<string, unknown> = {};
  const note = (fields: object): void => void Object.assign(seen, fields);
  stream.on("response", note);
  stream.on("trailers", note);
  stream.on("error", () => {});
  stream.on("close", () => {
    const { ":status": http, "grpc-status": status, "grpc-message": message = "" } = seen;
    resolve({ http: Number(http), status: String(status), message: decodeURIComponent(String(message)) });
  });
  stream.resume();
  stream.end(body);
  return promise;
}

describe("a gRPC call with", () => {
  const good = protobuf([1, ""], [4, "spark"], [5, SECRET]);

  test("nothing odd is answered", async () => {
    expect(await grpc(envelope(good))).toMatchObject({ http: 200, status: "0" });
  });

  const UNIMPLEMENTED = "12";
  const INVALID = "3";
  const calls: readonly (readonly [string, string, Buffer, Record<string, string>?])[] = [
    ["no message", UNIMPLEMENTED, Buffer.alloc(0)],
    ["half an envelope", INVALID, Buffer.alloc(4)],
    ["a length beyond the body", INVALID, envelope(good, 0, good.length + 1)],
    ["a length within the body", UNIMPLEMENTED, envelope(good, 0, good.length - 1)],
    ["a length of 4 GiB", "8", envelope(good, 0, 0xffffffff)],
    ["a length of 300 kilobytes", "8", envelope(Buffer.alloc(300_000))],
    ["two messages", UNIMPLEMENTED, Buffer.concat([envelope(good), envelope(good)])],
    ["bytes behind the message", UNIMPLEMENTED, Buffer.concat([envelope(good), Buffer.alloc(3)])],
    ["a compressed message without an encoding (gRPC asks for INTERNAL)", "13", envelope(good, 1)],
    ["a compressed message that is none", INVALID, envelope(good, 1), { "grpc-encoding": "gzip" }],
    ["ten megabytes in gzip", "8", envelope(gzipSync(Buffer.alloc(10_000_000)), 1), { "grpc-encoding": "gzip" }],
    ["an unknown encoding", UNIMPLEMENTED, envelope(good), { "grpc-encoding": "br" }],
    ["a message of noise", INVALID, envelope(Buffer.alloc(64, 0xff))],
    ["a field that goes beyond the message", INVALID, envelope(Buffer.from([0x0a, 0x7f]))],
    ["a text of broken UTF-8", INVALID, envelope(protobuf([1, ""], [4, Buffer.of(0xff, 0xfe)]))],
    ["a grpc-timeout of words", INVALID, envelope(good), { "grpc-timeout": "soon" }],
    ["a grpc-timeout without a unit", INVALID, envelope(good), { "grpc-timeout": "10" }],
    ["a grpc-timeout of nine digits", INVALID, envelope(good), { "grpc-timeout": "123456789S" }],
    ["a grpc-timeout below zero", INVALID, envelope(good), { "grpc-timeout": "-1S" }],
    ["a fraction for a grpc-timeout", INVALID, envelope(good), { "grpc-timeout": "1.5S" }],
    ["a method that is not", UNIMPLEMENTED, envelope(good), { ":path": "/icemint.v1.TokenService/Steal" }],
    ["a service that is not", UNIMPLEMENTED, envelope(good), { ":path": "/a.b/C" }],
    ["the path of the form endpoint's documents", "undefined", envelope(good), { ":path": "/.well-known/jwks.json" }],
    ["a Basic header and a secret", INVALID, envelope(good), { authorization: `Basic ${btoa(`spark:${SECRET}`)}` }],
    ["a grant that is not", INVALID, envelope(protobuf([15, ""], [4, "spark"], [5, SECRET]))],
    ["the wrong secret", "16", envelope(protobuf([1, ""], [4, "spark"], [5, "wrong"]))],
  ];
  test.each(calls.map(([name, status, body, headers]) => ({ name, status, body, headers })))(
    "$name ends in status $status",
    async ({ status, body, headers }) => {
      const answer = await grpc(body, headers);
      expect(answer.status).toBe(status);
      expect(answer.message).not.toContain("marked-secret");
    },
  );

  test.each(["GET", "PUT", "HEAD"])("method %s gets no token", async (method) => {
    expect((await grpc(Buffer.alloc(0), { ":method": method })).status).not.toBe("0");
  });

  test("a missing te is forgiven, and so is a wide timeout", async () => {
    expect(await grpc(envelope(good), { "grpc-timeout": "99999999H" })).toMatchObject({ status: "0" });
  });
});

describe("after all of them", () => {
  test("the server had no fault of its own, and no secret is in its log", () => {
    const log = app.log.join("");
    expect(log).not.toContain('"level":"error"');
    expect(log).not.toContain("marked-secret");
  });

  test("the server still gives tokens to honest callers", async () => {
    expect((await login(app, "spark")).split(".")).toHaveLength(3);
  });
});
