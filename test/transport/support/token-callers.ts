/** One way to ask for a token over each transport, and one shape for what came back. */
import http2 from "node:http2";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { TokenService, TokenType, type GetTokenRequestSchema } from "../../../src/gen/icemint/v1/token_service_pb.js";
import type { TokenCase } from "../cases/token-cases.js";

/** What came back, in the words of either kind of transport. */
export interface Outcome {
  readonly oauth: string | undefined;
  readonly reason: string | undefined;
  readonly description: string;
  /** For the form endpoint. */
  readonly http?: number;
  /** For RPCs. */
  readonly code?: Code;
  readonly requestId: string | undefined;
  /** Whether the answer says when to come back. */
  readonly retry: boolean;
  readonly token: string | undefined;
}

export type TokenCaller = (url: string, asked: Pick<TokenCase, "form" | "authorization">) => Promise<Outcome>;

/** Every transport, by name. */
export const formCallers: Readonly<Record<string, TokenCaller>> = {
  "form over HTTP/1.1": async (url, { form, authorization }) => {
    const response = await fetch(`${url}/v1/oauth/tokens`, {
      method: "POST",
      body: encode(form),
      ...(authorization !== undefined && { headers: { authorization } }),
    });
    return formOutcome(response.status, (name) => response.headers.get(name), await response.text());
  },
  "JSON over HTTP/1.1": async (url, { form, authorization }) => {
    const response = await fetch(`${url}/v1/oauth/tokens`, {
      method: "POST",
      body: JSON.stringify(form),
      headers: { "content-type": "application/json", ...(authorization !== undefined && { authorization }) },
    });
    return formOutcome(response.status, (name) => response.headers.get(name), await response.text());
  },
  "form over HTTP/2": async (url, { form, authorization }) => {
    const { status, headers, body } = await requestHttp2(url, {
      headers: {
        ":method": "POST",
        ":path": "/v1/oauth/tokens",
        "content-type": "application/x-www-form-urlencoded",
        ...(authorization !== undefined && { authorization }),
      },
      body: encode(form).toString(),
    });
    return formOutcome(status, (name) => String(headers[name] ?? ""), body);
  },
};

/** Every kind of RPC, by name. */
export const rpcTransports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
  "gRPC with JSON": (baseUrl) => createGrpcTransport({ baseUrl, useBinaryFormat: false }),
  "gRPC-Web over HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "gRPC-Web over HTTP/2": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  "Connect JSON over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect JSON over HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }),
  "Connect binary over HTTP/1.1": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "Connect binary over HTTP/2": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
};

export const rpcCallers: Readonly<Record<string, TokenCaller>> = Object.fromEntries(
  Object.entries(rpcTransports).map(([name, transportTo]) => [name, rpcCaller(transportTo)]),
);

/** One request on an HTTP/2 connection of its own. */
export async function requestHttp2(
  url: string,
  { headers, body = "" }: { readonly headers: http2.OutgoingHttpHeaders; readonly body?: string | Buffer },
): Promise<{ readonly status: number; readonly headers: http2.IncomingHttpHeaders; readonly body: string }> {
  const session = http2.connect(url);
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof requestHttp2>>>();
  session.on("error", reject);
  const stream = session.request(headers, { endStream: body.length === 0 });
  let received: http2.IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  stream.on("response", (fields) => (received = fields));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", reject);
  stream.on("end", () =>
    resolve({ status: Number(received[":status"]), headers: received, body: Buffer.concat(chunks).toString() }),
  );
  if (body.length > 0) stream.end(body);
  try {
    return await promise;
  } finally {
    session.close();
  }
}

function encode(form: TokenCase["form"]): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) for (const one of [value].flat()) parameters.append(name, one);
  return parameters;
}

function formOutcome(http: number, header: (name: string) => string | null, body: string): Outcome {
  const answer: Readonly<Record<string, string>> = JSON.parse(body);
  return {
    oauth: answer["error"],
    reason: answer["error_uri"]?.split("#")[1],
    description: answer["error_description"] ?? "",
    http,
    requestId: header("x-request-id") ?? undefined,
    retry: (header("retry-after") ?? "") !== "",
    token: answer["access_token"],
  };
}

function rpcCaller(transportTo: (baseUrl: string) => Transport): TokenCaller {
  return async (url, { form, authorization }) => {
    let requestId: string | undefined;
    const headers = authorization === undefined ? {} : { authorization };
    const onHeader = (received: Headers) => (requestId = received.get("x-request-id") ?? undefined);
    try {
      const answer = await createClient(TokenService, transportTo(url)).getToken(toMessage(form), {
        headers,
        onHeader,
      });
      return {
        oauth: undefined,
        reason: undefined,
        description: "",
        requestId,
        retry: false,
        token: answer.accessToken,
      };
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      const [info] = error.findDetails(ErrorInfoSchema);
      return {
        oauth: info?.metadata["oauth_error"],
        reason: info?.reason,
        description: error.rawMessage,
        code: error.code,
        requestId: requestId ?? error.metadata.get("x-request-id") ?? undefined,
        retry: error.findDetails(RetryInfoSchema).length > 0,
        token: undefined,
      };
    }
  };
}

/** The message that says what a form says. */
function toMessage(form: TokenCase["form"]): MessageInitShape<typeof GetTokenRequestSchema> {
  const one = (name: string) => [form[name] ?? ""].flat()[0] ?? "";
  return {
    grant: toGrant(one),
    clientId: one("client_id"),
    clientSecret: one("client_secret"),
    clientAssertion: one("client_assertion"),
    scope: one("scope"),
    audience: [form["audience"] ?? []].flat(),
    resource: [form["resource"] ?? []].flat(),
  };
}

function toGrant(one: (name: string) => string): NonNullable<MessageInitShape<typeof GetTokenRequestSchema>["grant"]> {
  switch (one("grant_type")) {
    case "client_credentials":
      return { case: "clientCredentials", value: {} };
    case "refresh_token":
      return { case: "refreshToken", value: { refreshToken: one("refresh_token") } };
    case "urn:ietf:params:oauth:grant-type:jwt-bearer":
      return { case: "jwtBearer", value: { assertion: one("assertion") } };
    case "":
      return { case: undefined };
    default:
      return {
        case: "tokenExchange",
        value: {
          subjectToken: one("subject_token"),
          subjectTokenType: typeOf(one("subject_token_type")),
          actorToken: one("actor_token"),
          actorTokenType: typeOf(one("actor_token_type")),
        },
      };
  }
}

function typeOf(urn: string): TokenType {
  if (urn === "") return TokenType.UNSPECIFIED;
  return urn.endsWith(":jwt") ? TokenType.JWT : TokenType.ACCESS_TOKEN;
}
