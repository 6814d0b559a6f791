/** gRPC and Connect clients, unmodified, against the built server. */
import { createHash, randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { Code, ConnectError, type Transport, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { TokenService, TokenType } from "../../src/gen/icemint/v1/token_service_pb.js";
import { ServerProcess } from "../support/server-process.js";
import { createIdentityProvider } from "./identity-provider.js";

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const PROTO = resolve(import.meta.dirname, "../../proto");

const secret = generateSecret(randomBytes);
const own = { clientId: "orders", clientSecret: secret };
let server: ServerProcess;
let userJwt: () => Promise<string>;

beforeAll(async () => {
  const provider = await createIdentityProvider();
  userJwt = () => provider.token("alice");
  const settings = {
    trusted_issuers: [provider.settings],
    clients: [
      {
        id: "orders",
        secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }],
        permissions: ["watch_revocations"],
      },
    ],
  };
  server = await ServerProcess.start({ settings, files: { "idp.jwks.json": provider.jwks } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const ROADS: readonly { readonly road: string; readonly transport: (baseUrl: string) => Transport }[] = [
  { road: "gRPC", transport: (baseUrl) => createGrpcTransport({ baseUrl }) },
  { road: "gRPC with JSON", transport: (baseUrl) => createGrpcTransport({ baseUrl, useBinaryFormat: false }) },
  ...(["1.1", "2"] as const).flatMap((httpVersion) => [
    {
      road: `gRPC-Web over HTTP/${httpVersion}`,
      transport: (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion }),
    },
    {
      road: `Connect over HTTP/${httpVersion}`,
      transport: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: true }),
    },
    {
      road: `Connect with JSON over HTTP/${httpVersion}`,
      transport: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: false }),
    },
  ]),
];

describe.each(ROADS)("connect-node by $road", ({ transport }) => {
  test("gets, refreshes, introspects and revokes", async () => {
    const tokens = createClient(TokenService, transport(server.url));
    const first = await tokens.getToken({ ...own, grant: { case: "clientCredentials", value: {} } });
    expect(first).toMatchObject({
      tokenType: "bearer",
      expiresIn: 3600,
      issuedTokenType: ACCESS_TOKEN,
      scope: "catalog",
    });

    const subject = { subjectToken: first.accessToken, subjectTokenType: TokenType.ACCESS_TOKEN };
    const headers = { authorization: `Bearer ${first.accessToken}` };
    const second = await tokens.getToken({ grant: { case: "tokenExchange", value: subject } }, { headers });
    expect(decodeJwt(second.accessToken)).toMatchObject({ sub: "orders", sid: decodeJwt(first.accessToken)["sid"] });

    const active = await tokens.introspectToken({ ...own, token: second.accessToken });
    expect(active).toMatchObject({ active: true, claims: { client_id: "orders" } });
    await tokens.revokeToken({ ...own, target: { case: "token", value: first.accessToken } });
    expect(await tokens.introspectToken({ ...own, token: second.accessToken })).toMatchObject({ active: false });
  });

  test("exchanges a user's token with the client's own as actor", async () => {
    const tokens = createClient(TokenService, transport(server.url));
    const { accessToken } = await tokens.getToken({ ...own, grant: { case: "clientCredentials", value: {} } });
    const value = {
      subjectToken: await userJwt(),
      subjectTokenType: TokenType.JWT,
      actorToken: accessToken,
      actorTokenType: TokenType.ACCESS_TOKEN,
    };
    const user = await tokens.getToken({ grant: { case: "tokenExchange", value } });
    expect(decodeJwt(user.accessToken)).toMatchObject({ sub: "idp:alice", act: { sub: "orders" } });
  });

  test("understands a refusal: code, words and reason", async () => {
    const tokens = createClient(TokenService, transport(server.url));
    const refused = tokens.getToken({ ...own, clientSecret: "wrong", grant: { case: "clientCredentials", value: {} } });
    const error = await refused.then(
      () => undefined,
      (reason: unknown) => ConnectError.from(reason),
    );
    expect(error?.code).toBe(Code.Unauthenticated);
    expect(error?.findDetails(ErrorInfoSchema)).toMatchObject([
      { domain: "icemint", metadata: { oauth_error: "invalid_client" } },
    ]);
  });

  test("has the keys", async () => {
    const { keys } = await createClient(TokenService, transport(server.url)).getKeys({});
    expect(keys).toMatchObject([{ kty: "EC", crv: "P-256", alg: "ES256" }]);
  });

  test("sees a revocation as it happens", async () => {
    const tokens = createClient(TokenService, transport(server.url));
    const { accessToken } = await tokens.getToken({ ...own, grant: { case: "clientCredentials", value: {} } });
    const ending = new AbortController();
    let caughtUp = false;
    for await (const { event } of tokens.watchRevocations(own, { signal: ending.signal })) {
      if (event.case === "caughtUp") {
        caughtUp = true;
        await tokens.revokeToken({ ...own, target: { case: "token", value: accessToken } });
      }
      const session = event.case === "revocation" && event.value.target.case === "session" && event.value.target.value;
      if (caughtUp && session === decodeJwt(accessToken)["sid"]) break;
    }
    ending.abort();
    expect(caughtUp).toBe(true);
  });
});

describe("@grpc/grpc-js with @grpc/proto-loader", () => {
  interface Answer {
    readonly access_token: string;
    readonly token_type: string;
    readonly expires_in: number;
  }
  type GetToken = (
    request: object,
    options: { deadline: number },
    done: (error: grpc.ServiceError | null, answer: Answer) => void,
  ) => void;

  /** Calls GetToken by what the .proto files say alone. */
  function getToken(request: object): Promise<Answer> {
    const loaded = loadSync(join(PROTO, "icemint/v1/token_service.proto"), { keepCase: true, includeDirs: [PROTO] });
    const icemint = grpc.loadPackageDefinition(loaded)["icemint"] as grpc.GrpcObject;
    const Client = (icemint["v1"] as grpc.GrpcObject)["TokenService"] as grpc.ServiceClientConstructor;
    const stub = new Client(new URL(server.url).host, grpc.credentials.createInsecure());
    return new Promise((done, failed) => {
      (stub["GetToken"] as GetToken).call(stub, request, { deadline: Date.now() + 5000 }, (error, answer) => {
        stub.close();
        if (error === null) done(answer);
        else failed(error);
      });
    });
  }

  test("gets a token", async () => {
    const answer = await getToken({ client_credentials: {}, client_id: "orders", client_secret: secret });
    expect(answer).toMatchObject({ token_type: "bearer", expires_in: 3600 });
    expect(decodeJwt(answer.access_token)).toMatchObject({ sub: "orders" });
  });

  test("sees UNAUTHENTICATED with our words for a wrong secret", async () => {
    const refused = getToken({ client_credentials: {}, client_id: "orders", client_secret: "wrong" });
    await expect(refused).rejects.toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details: expect.stringMatching(/credentials/i),
    });
  });
});
