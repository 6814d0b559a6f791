/** What carries a source's token: each against a real server that accepts some tokens and no others. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { authorizedFetch, bearerInterceptor } from "../../src/client/client.js";
import { grpcCallCredentials, grpcInterceptor } from "../../src/client/grpc-js.js";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { echoClient, startEcho } from "../support/grpc-echo.js";

/** A source of `t1`, `t2` and so on: the next one once the last was not accepted. */
function tokens({ last = Infinity } = {}) {
  let at = 1;
  return {
    given: () => at,
    token: async () => `t${at}`,
    invalidate: (token: string) => {
      if (token !== `t${at}`) return true;
      if (at >= last) return false;
      at += 1;
      return true;
    },
  };
}

/** Notes what it sees, and accepts the tokens that are listed. */
function bouncer(...accepted: readonly string[]) {
  const seen: string[] = [];
  return {
    seen,
    accepts(authorization: string | null | undefined): boolean {
      seen.push(authorization ?? "");
      return accepted.some((token) => authorization === `Bearer ${token}`);
    },
  };
}
type Bouncer = ReturnType<typeof bouncer>;

async function httpServer(door: Bouncer) {
  const server = createServer((request, response) => {
    response.statusCode = door.accepts(request.headers.authorization) ? 200 : 401;
    request.pipe(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function connectServer(door: Bouncer) {
  const server = createServer(
    connectNodeAdapter({
      requestGate: ({ requestHeader }) => {
        if (!door.accepts(requestHeader.get("authorization"))) throw new ConnectError("no", Code.Unauthenticated);
      },
      routes: (router) =>
        void router.service(TokenService, {
          getKeys: () => ({}),
          async *watchRevocations() {
            yield await Promise.resolve({ cursor: "c" });
          },
        }),
    }),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("authorizedFetch", () => {
  test("sends the token, and whatever else was to be sent", async () => {
    const door = bouncer("t1");
    await using server = await httpServer(door);
    const response = await authorizedFetch(tokens())(server.url, { method: "POST", body: "hello" });
    expect([response.status, await response.text()]).toEqual([200, "hello"]);
    expect(door.seen).toEqual(["Bearer t1"]);
  });

  test("tries once more with another token after a 401", async () => {
    const door = bouncer("t2");
    await using server = await httpServer(door);
    const response = await authorizedFetch(tokens())(server.url, { method: "POST", body: "hello" });
    expect([response.status, await response.text()]).toEqual([200, "hello"]);
    expect(door.seen).toEqual(["Bearer t1", "Bearer t2"]);
  });

  test("tries no more than twice", async () => {
    const door = bouncer();
    await using server = await httpServer(door);
    expect((await authorizedFetch(tokens())(server.url)).status).toBe(401);
    expect(door.seen).toHaveLength(2);
  });

  test("gives the 401 back where there is no other token", async () => {
    const door = bouncer("t2");
    await using server = await httpServer(door);
    expect((await authorizedFetch(tokens({ last: 1 }))(server.url)).status).toBe(401);
    expect(door.seen).toHaveLength(1);
  });

  test.each([
    ["a stream", () => ({ method: "POST", body: new Blob(["x"]).stream(), duplex: "half" as const })],
    ["a Request with a body", undefined],
  ])("sends %s once only, and takes another token for the next", async (_what, init) => {
    const door = bouncer("t2");
    await using server = await httpServer(door);
    const source = tokens();
    const send = authorizedFetch(source);
    const request = init === undefined ? new Request(server.url, { method: "POST", body: "x" }) : server.url;
    expect((await send(request, init?.())).status).toBe(401);
    expect(door.seen).toHaveLength(1);
    expect((await send(server.url)).status).toBe(200);
  });

  test("keeps the headers of a Request", async () => {
    const door = bouncer("t1");
    await using server = await httpServer(door);
    const seen: string[] = [];
    const spy: typeof fetch = (input, init) => {
      seen.push(new Headers(init?.headers).get("x-mine") ?? "");
      return fetch(input, init);
    };
    await authorizedFetch(tokens(), spy)(new Request(server.url, { headers: { "x-mine": "yes" } }));
    expect(seen).toEqual(["yes"]);
  });
});

describe("bearerInterceptor", () => {
  const clientOf = (baseUrl: string, source: ReturnType<typeof tokens>) =>
    createClient(
      TokenService,
      createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors: [bearerInterceptor(source)] }),
    );

  test("sends the token, and another one after UNAUTHENTICATED", async () => {
    const door = bouncer("t2");
    await using server = await connectServer(door);
    await clientOf(server.url, tokens()).getKeys({});
    expect(door.seen).toEqual(["Bearer t1", "Bearer t2"]);
  });

  test("tries no more than twice", async () => {
    const door = bouncer();
    await using server = await connectServer(door);
    await expect(clientOf(server.url, tokens()).getKeys({})).rejects.toMatchObject({ code: Code.Unauthenticated });
    expect(door.seen).toHaveLength(2);
  });

  test("does not repeat a stream, and takes another token for the next call", async () => {
    const door = bouncer("t2");
    await using server = await connectServer(door);
    const source = tokens();
    const client = clientOf(server.url, source);
    const all = async (): Promise<unknown[]> => {
      const messages = [];
      for await (const message of client.watchRevocations({})) messages.push(message);
      return messages;
    };
    await expect(all()).rejects.toMatchObject({ code: Code.Unauthenticated });
    expect(door.seen).toHaveLength(1);
    expect(await all()).toMatchObject([{ cursor: "c" }]);
  });

  test("leaves other errors alone", async () => {
    const door = bouncer("t1");
    await using server = await connectServer(door);
    const source = tokens();
    const introspect = clientOf(server.url, source).introspectToken({});
    await expect(introspect).rejects.toMatchObject({ code: Code.Unimplemented });
    expect(source.given()).toBe(1);
  });
});

/** Refuses as a gRPC service does. */
function refusing(door: Bouncer) {
  return (metadata: grpc.Metadata): void => {
    if (door.accepts(String(metadata.get("authorization")[0]))) return;
    throw Object.assign(new Error("no"), { code: grpc.status.UNAUTHENTICATED, details: "no" });
  };
}

describe("grpcInterceptor", () => {
  test("sends the token, and another one after UNAUTHENTICATED", async () => {
    const door = bouncer("t2");
    await using server = await startEcho({}, refusing(door));
    using client = echoClient(server.port, { interceptors: [grpcInterceptor(grpc, tokens())] });
    expect(await client.say("hello")).toBe("hello");
    expect(door.seen).toEqual(["Bearer t1", "Bearer t2"]);
  });

  test("tries no more than twice", async () => {
    const door = bouncer();
    await using server = await startEcho({}, refusing(door));
    using client = echoClient(server.port, { interceptors: [grpcInterceptor(grpc, tokens())] });
    await expect(client.say("hello")).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED });
    expect(door.seen).toHaveLength(2);
  });

  test("does not repeat a stream, and takes another token for the next call", async () => {
    const door = bouncer("t2");
    await using server = await startEcho({}, refusing(door));
    using client = echoClient(server.port, { interceptors: [grpcInterceptor(grpc, tokens())] });
    await expect(client.sayTwice("hello")).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED });
    expect(await client.sayTwice("hello")).toEqual(["hello", "hello"]);
    expect(door.seen).toEqual(["Bearer t1", "Bearer t2"]);
  });

  test("ends a call for which there is no token with UNAVAILABLE, and sends nothing", async () => {
    const door = bouncer("t1");
    await using server = await startEcho({}, refusing(door));
    const source = { token: () => Promise.reject(new Error("away")), invalidate: () => false };
    using client = echoClient(server.port, { interceptors: [grpcInterceptor(grpc, source)] });
    await expect(client.say("hello")).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE, details: "away" });
    expect(door.seen).toEqual([]);
  });
});

describe("grpcCallCredentials", () => {
  const tls = (name: string): Buffer => readFileSync(resolve(import.meta.dirname, "../issuers/tls", name));
  const cert = tls("issuer.cert.pem");
  const serverCredentials = grpc.ServerCredentials.createSsl(null, [
    { cert_chain: cert, private_key: tls("issuer.key.pem") },
  ]);

  test("send the token over TLS", async () => {
    const door = bouncer("t1");
    await using server = await startEcho({}, refusing(door), serverCredentials);
    const credentials = grpc.credentials.combineChannelCredentials(
      grpc.credentials.createSsl(cert),
      grpcCallCredentials(grpc, tokens()),
    );
    using client = echoClient(server.port, {}, credentials);
    expect(await client.say("hello")).toBe("hello");
    expect(door.seen).toEqual(["Bearer t1"]);
  });
});
