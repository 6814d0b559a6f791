/** What asks a verifier, each in a real server: who is let pass, and what the others are told. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { grpcServerInterceptor, verifiedToken } from "../../src/verifier/grpc-js.js";
import {
  type Verifier,
  createHttpGuard,
  createRequestGate,
  createVerifier,
  verifiedTokenKey,
} from "../../src/verifier/verifier.js";
import { echoClient, startEcho } from "../support/grpc-echo.js";
import { eventually } from "../support/eventually.js";
import { CALLERS } from "./callers.js";
import { AUDIENCE, FakeServer, ISSUER, fakeKey } from "./fake-server.js";

const requirements = { scopes: ["read"] };
const key = fakeKey(Date.now);
let verifiers: { readonly ready: Verifier; readonly unready: Verifier };
const verifier = (ready: boolean): Verifier => verifiers[ready ? "ready" : "unready"];

beforeAll(async () => {
  const options = { server: ISSUER, audience: AUDIENCE, clientId: "catalog", clientSecret: "a-secret" };
  const [server, away] = [new FakeServer(), new FakeServer()];
  server.keys = [key.jwk];
  away.failing = Code.Unavailable;
  verifiers = {
    ready: createVerifier(options, { transport: server.transport }),
    unready: createVerifier(options, { transport: away.transport }),
  };
  await eventually("a stream is opened", () => server.streams.length === 1);
  server.stream.caughtUp();
  await verifiers.ready.ready();
  return async () => {
    await verifiers.ready.close();
    await verifiers.unready.close();
  };
});

async function listening(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("createHttpGuard", () => {
  function guarded(by: Verifier) {
    const guard = createHttpGuard(by, requirements);
    return listening((request, response) => {
      void guard(request, response).then((token) => token && response.end(token.subject));
    });
  }

  test.each(CALLERS)("$who: $status", async ({ authorization, ready, status, challenge }) => {
    await using service = await guarded(verifier(ready));
    const field = authorization(key);
    const headers: Record<string, string> = field === undefined ? {} : { authorization: field };
    const response = await fetch(`http://127.0.0.1:${service.port}/`, { headers });
    expect(response.status).toBe(status);
    expect(response.headers.get("www-authenticate") ?? undefined).toBe(challenge);
    expect(response.headers.get("retry-after")).toBe(status === 503 ? "1" : null);
    if (status === 200) expect(await response.text()).toBe("alice");
    else expect(response.headers.get("cache-control")).toBe("no-store");
  });

  test("refuses two Authorization fields, whichever is good", async () => {
    await using service = await guarded(verifier(true));
    const good = `Authorization: Bearer ${key.token({ scope: "read" })}\r\n`;
    for (const fields of [good + good, `${good}Authorization: Bearer x\r\n`, `Authorization: Bearer x\r\n${good}`]) {
      const socket = connect(service.port, "127.0.0.1");
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields}\r\n`);
      expect((await text(socket)).split("\r\n")[0]).toBe("HTTP/1.1 401 Unauthorized");
    }
  });
});

describe("createRequestGate", () => {
  test.each(CALLERS)("$who: $code", async ({ authorization, ready, code, reason }) => {
    const seen: unknown[] = [];
    const requestGate = createRequestGate(verifier(ready), requirements);
    await using service = await listening(
      connectNodeAdapter({
        requestGate,
        routes: (router) =>
          void router.service(TokenService, {
            getKeys: (_request, { values }) => {
              seen.push(values.get(verifiedTokenKey)?.subject);
              return {};
            },
          }),
      }),
    );
    const transport = createConnectTransport({ baseUrl: `http://127.0.0.1:${service.port}`, httpVersion: "1.1" });
    const field = authorization(key);
    const options = field === undefined ? {} : { headers: { authorization: field } };
    const answer = createClient(TokenService, transport).getKeys({}, options);
    if (code === undefined) {
      await answer;
      expect(seen).toEqual(["alice"]);
      return;
    }
    const error = ConnectError.from(await answer.catch((thrown: unknown) => thrown));
    expect(error.code).toBe(code);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ domain: "icemint", reason }]);
    expect(seen).toEqual([]);
  });
});

describe("grpcServerInterceptor", () => {
  async function call(by: Pick<Verifier, "verify">, field: string | undefined, method: "say" | "sayTwice" = "say") {
    const seen: (string | undefined)[] = [];
    const interceptors = [grpcServerInterceptor(grpc, by, requirements)];
    await using service = await startEcho({ interceptors }, (metadata) => seen.push(verifiedToken(metadata)?.subject));
    const withField: grpc.Interceptor = (options, next) =>
      new grpc.InterceptingCall(next(options), {
        start(metadata, listener, proceed) {
          if (field !== undefined) metadata.set("authorization", field);
          proceed(metadata, listener);
        },
      });
    using client = echoClient(service.port, { interceptors: [withField] });
    try {
      return { answer: await client[method]("hello"), error: undefined, seen };
    } catch (error) {
      return { answer: undefined, error: error as grpc.ServiceError, seen };
    }
  }

  test.each(CALLERS)("$who: $code", async ({ authorization, ready, code, reason }) => {
    const { answer, error, seen } = await call(verifier(ready), authorization(key));
    expect(error?.code).toBe(code);
    if (code === undefined) {
      expect([answer, seen]).toEqual(["hello", ["alice"]]);
      return;
    }
    const [bytes] = error?.metadata.get("grpc-status-details-bin") ?? [];
    const [any] = fromBinary(StatusSchema, bytes as Buffer).details;
    expect(any && anyUnpack(any, ErrorInfoSchema)).toMatchObject({ domain: "icemint", reason });
    expect(seen).toEqual([]);
  });

  test("guards streams as well", async () => {
    const good = await call(verifier(true), `Bearer ${key.token({ scope: "read" })}`, "sayTwice");
    expect(good).toMatchObject({ answer: ["hello", "hello"], seen: ["alice"] });
    const bad = await call(verifier(true), "Bearer x", "sayTwice");
    expect(bad).toMatchObject({ error: { code: grpc.status.UNAUTHENTICATED }, seen: [] });
  });

  test("tells nothing of a fault that is not the caller's", async () => {
    const { error } = await call({ verify: () => Promise.reject(new Error("secret of the house")) }, "Bearer x");
    expect(error).toMatchObject({ code: grpc.status.INTERNAL, details: "The token could not be verified." });
  });
});
