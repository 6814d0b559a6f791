/** Bodies and fields of requests in every format that is served: whole, and broken in the ways that formats can break. */
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetTokenRequestSchema } from "../../src/gen/icemint/v1/token_service_pb.js";
import type { Random } from "./random.js";

export const FORM = "application/x-www-form-urlencoded";

const TOKEN = "/icemint.v1.TokenService/";
const KEYS = "/icemint.v1.KeyService/";
const RPC_PATHS = [
  `${TOKEN}GetToken`,
  `${TOKEN}GetToken`,
  `${TOKEN}RevokeToken`,
  `${TOKEN}IntrospectToken`,
  `${TOKEN}GetKeys`,
  `${TOKEN}GetKeys?connect=v1&encoding=proto&message=`,
  `${TOKEN}GetKeys?connect=v1&encoding=json&message=%7B%7D&compression=gzip&base64=1`,
  `${TOKEN}WatchRevocations`,
  `${KEYS}ListKeys`,
  `${KEYS}RotateKey`,
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  `${TOKEN}NoSuchMethod`,
  "/no.such.Service/Method",
] as const;
const FORM_PATHS = ["/v1/oauth/tokens", "/v1/oauth/tokens", "/v1/oauth/revoke", "/v1/oauth/introspect", "/"] as const;
const DOCUMENTS = ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/errors", "*", "", "//"] as const;

const RPC_TYPES = [
  "application/grpc",
  "application/grpc+proto",
  "application/grpc+json",
  "application/grpc-web+proto",
  "application/grpc-web+json",
  "application/grpc-web-text",
  "application/grpc-web-text+proto",
  "application/connect+proto",
  "application/connect+json",
  "application/proto",
  "application/json",
] as const;
const ODD_TYPES = [FORM, "text/plain", "application/grpc+thrift", "application/grpc;q=1", "", "\u00ff"] as const;

const CLIENT = { clientId: "spark-etl", clientSecret: "a-secret-for-the-fuzzer-alone" };
export const GOOD_FORM = `grant_type=client_credentials&client_id=${CLIENT.clientId}&client_secret=${CLIENT.clientSecret}`;
const FORMS = [
  GOOD_FORM,
  GOOD_FORM,
  "grant_type=refresh_token&refresh_token=a.b.c",
  "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=e30.e30.&subject_token_type=x",
  "token=e30.e30.AA&client_id=spark-etl",
  "%%%&=&&scope=%ff&grant_type",
  "",
] as const;
const JSONS = [
  JSON.stringify({ clientCredentials: {}, ...CLIENT }),
  '{"tokenExchange":{"subjectToken":"e30.e30."}}',
  '{"host":"x","listServices":""}',
  `${'{"a":'.repeat(200)}1`,
  '{"clientId":"\\ud800"}',
  "{}",
  "[",
] as const;

/** What a request asks for, whatever the HTTP version. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  /** Without those that belong to the HTTP version. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export function ask(random: Random): Asked {
  const method = random.oneIn(6) ? random.pick(["GET", "HEAD", "OPTIONS", "PUT", "CONNECT", "PRI", "x"]) : "POST";
  const kind = random.below(5);
  if (kind === 0) return { method: "GET", path: random.pick(DOCUMENTS), fields: extras(random), body: Buffer.alloc(0) };
  if (kind === 1) {
    const fields = [["content-type", FORM] as const, ...extras(random)];
    return { method, path: random.pick(FORM_PATHS), fields, body: Buffer.from(random.pick(FORMS)) };
  }
  const type = random.oneIn(8) ? random.pick(ODD_TYPES) : random.pick(RPC_TYPES);
  const path = random.oneIn(12) ? random.pick(FORM_PATHS) : random.pick(RPC_PATHS);
  return { method, path, fields: [["content-type", type], ...extras(random)], body: rpcBody(random, type) };
}

function extras(random: Random): (readonly [string, string])[] {
  const all: (readonly [string, string])[] = [
    ["te", "trailers"],
    ["grpc-timeout", random.pick(["1n", "0S", "5S", "99999999H", "-1S", "x"])],
    ["grpc-encoding", random.pick(["gzip", "identity", "br", "x"])],
    ["connect-timeout-ms", random.pick(["0", "1", "5000", "99999999999", "x"])],
    ["connect-protocol-version", random.pick(["1", "2"])],
    ["connect-content-encoding", random.pick(["gzip", "identity", "x"])],
    ["content-encoding", random.pick(["gzip", "identity", "x"])],
    ["authorization", random.pick(["Basic Og==", "Basic c3Bhcms6eA==", "Bearer e30.e30.AA", "Negotiate", "\u00e9"])],
    ["x-request-id", random.pick(["fuzz", "\u00e9\t", "x".repeat(70)])],
    ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    ["origin", "https://app.example.com"],
    ["if-none-match", "*"],
    ["expect", random.pick(["100-continue", "x"])],
  ];
  return random.some(all, 5);
}

function rpcBody(random: Random, type: string): Buffer {
  const isJson = type.includes("json");
  if (!type.includes("grpc") && !type.includes("connect+")) return message(random, isJson);
  const envelopes = random.several(random.oneIn(4) ? 5 : 1, () => envelope(random, message(random, isJson)));
  const body = Buffer.concat(envelopes);
  if (!type.includes("-text")) return body;
  // gRPC-Web text may come as several pieces of base64, each with its own padding.
  const cut = random.below(body.length + 1);
  const text = body.subarray(0, cut).toString("base64") + body.subarray(cut).toString("base64");
  return Buffer.from(random.oneIn(5) ? text.slice(1) : text);
}

function message(random: Random, isJson: boolean): Buffer {
  if (isJson) return Buffer.from(random.pick(JSONS));
  if (random.oneIn(4)) return random.bytes(random.below(40));
  const good = create(GetTokenRequestSchema, { grant: { case: "clientCredentials", value: {} }, ...CLIENT });
  return Buffer.from(toBinary(GetTokenRequestSchema, good));
}

/** gRPC's five bytes, and the message: flags of compression, of Connect's and gRPC-Web's ends, lengths that lie. */
function envelope(random: Random, content: Buffer): Buffer {
  const isZipped = random.oneIn(5);
  const data = isZipped && !random.oneIn(4) ? gzipSync(content) : content;
  const head = Buffer.alloc(5);
  head.writeUInt8(random.oneIn(5) ? random.pick([2, 3, 128, 129, 255]) : Number(isZipped), 0);
  const lie = random.pick([0, data.length + 1, Math.max(0, data.length - 1), 0xffffffff, 0x7fffffff, 300_000]);
  head.writeUInt32BE(random.oneIn(5) ? lie : data.length, 1);
  const whole = Buffer.concat([head, data]);
  return random.oneIn(6) ? whole.subarray(0, random.below(whole.length + 1)) : whole;
}
