/** The fast lane answers what stock Connect answers: the same calls on both, by real clients. */
import http from "node:http";
import http2 from "node:http2";
import { type AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createContextValues, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { GetTokenResponseSchema, TokenService } from "../../../src/gen/icemint/v1/token_service_pb.js";
import { createFastLane } from "../../../src/transport/rpc/lane/lane.js";
import type { Exchange } from "../../../src/transport/exchange.js";
import { Batch } from "../../../src/transport/batch.js";
import { UnderWay } from "../../../src/transport/under-way.js";
import { serve } from "../../../src/transport/rpc/service-list.js";
import type { ServiceImpl } from "@connectrpc/connect";

const READ_MAX_BYTES = 64 * 1024;

/** Why calls with the header `x-heard` ended, as their handlers heard it. */
const heard: string[] = [];

/** What each scope word makes of the call; those that begin with `now` are answered at once. */
const later: Pick<ServiceImpl<typeof TokenService>, "getToken"> = {
  async getToken({ scope }, context) {
    switch (scope) {
      case "error":
        throw new ConnectError("a text with é and % and \n", Code.FailedPrecondition, { "x-meta": "m" }, [
          { desc: ErrorInfoSchema, value: { reason: "R", domain: "d" } },
        ]);
      case "bug":
        throw new Error("s3cr3t");
      case "headers":
        context.responseHeader.set("x-out", context.requestHeader.get("x-in") ?? "none");
        context.responseTrailer.set("x-trailer", `${context.requestMethod} ${context.protocolName}`);
        return { scope };
      case "headers-and-error":
        context.responseHeader.set("x-out", "h");
        context.responseTrailer.set("x-trailer", "t");
        throw new ConnectError("no", Code.Aborted, { "x-meta": "m" });
      case "wait":
        await new Promise<void>((resolve) => {
          const end = () => {
            if (context.requestHeader.has("x-heard")) heard.push(Code[ConnectError.from(context.signal.reason).code]);
            resolve();
          };
          if (context.signal.aborted) end();
          else context.signal.addEventListener("abort", end);
        });
        throw new ConnectError("gave up", Code.Canceled);
      case "timeout":
        return { expiresIn: Math.round((context.timeoutMs() ?? -1000) / 1000) };
      case "whole":
        return create(GetTokenResponseSchema, { accessToken: "whole" });
      default:
        return { accessToken: scope, expiresIn: scope.length };
    }
  },
};

const implementation: typeof later = {
  getToken: (request, context) =>
    request.scope.startsWith("now") ? { accessToken: request.scope } : later.getToken(request, context),
};

let stockUrl: Readonly<Record<"1" | "2", string>>;
let laneUrl: Readonly<Record<"1" | "2", string>>;
const servers: (http.Server | http2.Http2Server)[] = [];

async function listen(server: http.Server | http2.Http2Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  const stock = connectNodeAdapter({
    routes: (router) => void router.service(TokenService, implementation),
    acceptCompression: [compressionGzip],
    readMaxBytes: READ_MAX_BYTES,
  });
  const underWay = new UnderWay({ maxBytes: 1024 * 1024 * 1024, halfMs: 5000, collector: { young() {}, all() {} } });
  const lane = createFastLane({
    services: [serve(TokenService, implementation)],
    readMaxBytes: READ_MAX_BYTES,
    writeMaxBytes: 1024 * 1024,
    maxTimeoutMs: 30_000,
    underWay,
    admits: () => true,
    batch: new Batch<Exchange>((_exchange, error) => {
      throw error;
    }),
    acceptCompression: [compressionGzip],
    begin: () => ({ values: createContextValues(), headers: [] }),
    describe: (error) => error,
    onFailure: () => {},
  });
  stockUrl = { 1: await listen(http.createServer(stock)), 2: await listen(http2.createServer(stock)) };
  const http2Lane = http2.createServer();
  http2Lane.on("stream", (stream, headers, _flags, rawHeaders: string[]) => {
    stream.on("error", () => {});
    if ("x-leaves" in headers) stream.once("end", () => stream.close(http2.constants.NGHTTP2_CANCEL));
    const exchange = underWay.begin({ headers, rawHeaders, peerAddress: undefined }, stream);
    if (!lane.takeStream(stream, headers[":path"] ?? "", exchange))
      stream.respond({ ":status": 599 }, { endStream: true });
  });
  const http1Lane = http.createServer((request, response) => {
    if ("x-leaves" in request.headers) request.once("end", () => response.destroy());
    const { headers, rawHeaders } = request;
    const exchange = underWay.begin({ headers, rawHeaders, peerAddress: undefined }, response);
    if (!lane.takeRequest(request, response, request.url ?? "", exchange)) response.writeHead(599).end();
  });
  laneUrl = { 1: await listen(http1Lane), 2: await listen(http2Lane) };
});
afterAll(() => {
  for (const server of servers) server.close();
});

test("each of many calls at once gets its own answer, whether it comes at once or later", async () => {
  const client = createClient(TokenService, createGrpcTransport({ baseUrl: laneUrl[2] }));
  const scopes = Array.from({ length: 50 }, (_, at) => `${at % 3 === 0 ? "later" : "now"}-${at}`);
  const answers = await Promise.all(scopes.map((scope) => client.getToken({ scope })));
  expect(answers.map(({ accessToken }) => accessToken)).toEqual(scopes);
});

interface Call {
  readonly scope: string;
  readonly timeoutMs?: number;
  readonly cancelAfterMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a client can tell of an answer. */
async function ask(transport: Transport, { scope, timeoutMs, cancelAfterMs, headers }: Call) {
  let header = new Headers();
  let trailer = new Headers();
  try {
    const answer = await createClient(TokenService, transport).getToken(
      { scope },
      {
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...(cancelAfterMs !== undefined && { signal: AbortSignal.timeout(cancelAfterMs) }),
        headers: { ...headers },
        onHeader: (received) => (header = received),
        onTrailer: (received) => (trailer = received),
      },
    );
    return { answer, type: header.get("content-type"), out: header.get("x-out"), trailer: trailer.get("x-trailer") };
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    return {
      code: Code[error.code],
      // The lane does not repeat how many bytes there were.
      message: error.rawMessage.replace(/message size \d+ is/, "message size is"),
      meta: ["x-meta", "x-out", "x-trailer"].map((name) => error.metadata.get(name)),
      details: error.findDetails(ErrorInfoSchema),
    };
  }
}

const calls: Readonly<Record<string, Call>> = {
  "an answer": { scope: "catalog" },
  "an empty message": { scope: "" },
  "an answer that is a message already": { scope: "whole" },
  "headers and trailers, both ways": { scope: "headers", headers: { "x-in": "é".normalize("NFD").slice(0, 1) } },
  "an error with metadata and details": { scope: "error" },
  "an error after headers and trailers": { scope: "headers-and-error" },
  "an error that is no ConnectError": { scope: "bug" },
  "a deadline that is kept": { scope: "timeout", timeoutMs: 20_000 },
  "a deadline that passes": { scope: "wait", timeoutMs: 100 },
  "a call that is cancelled": { scope: "wait", cancelAfterMs: 100 },
  "a message that is large": { scope: "x".repeat(20_000) },
  "a message that is too large": { scope: "x".repeat(70_000) },
};

const clients: Readonly<Record<string, (urls: typeof stockUrl) => Transport>> = {
  gRPC: (urls) => createGrpcTransport({ baseUrl: urls[2] }),
  "gRPC with JSON": (urls) => createGrpcTransport({ baseUrl: urls[2], useBinaryFormat: false }),
  "gRPC with gzip": (urls) =>
    createGrpcTransport({ baseUrl: urls[2], sendCompression: compressionGzip, acceptCompression: [compressionGzip] }),
  "Connect binary over HTTP/1.1": (urls) =>
    createConnectTransport({ baseUrl: urls[1], httpVersion: "1.1", useBinaryFormat: true }),
  "Connect JSON over HTTP/1.1": (urls) => createConnectTransport({ baseUrl: urls[1], httpVersion: "1.1" }),
  "Connect JSON over HTTP/2": (urls) => createConnectTransport({ baseUrl: urls[2], httpVersion: "2" }),
  "Connect binary over HTTP/2 with gzip": (urls) =>
    createConnectTransport({
      baseUrl: urls[2],
      httpVersion: "2",
      useBinaryFormat: true,
      sendCompression: compressionGzip,
    }),
};

describe.concurrent("the fast lane answers as stock Connect does", () => {
  for (const [client, transportTo] of Object.entries(clients)) {
    for (const [what, call] of Object.entries(calls)) {
      test(`${client}: ${what}`, async () => {
        const [stock, lane] = await Promise.all([ask(transportTo(stockUrl), call), ask(transportTo(laneUrl), call)]);
        expect(lane).toEqual(stock);
      });
    }
  }
});

test("a handler hears of deadlines and of callers that go away, on the lane as on the stock road", async () => {
  for (const urls of [stockUrl, laneUrl]) {
    heard.length = 0;
    // By hand: a real client watches its deadline itself, and would be the first to give up.
    await fetch(`${urls[1]}/icemint.v1.TokenService/GetToken`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "50", "x-heard": "yes" },
      body: '{"scope":"wait"}',
    });
    await expect.poll(() => heard).toEqual(["DeadlineExceeded"]);
    const transport = createGrpcTransport({ baseUrl: urls[2] });
    await ask(transport, { scope: "wait", cancelAfterMs: 50, headers: { "x-heard": "yes" } });
    await expect.poll(() => heard).toEqual(["DeadlineExceeded", "Canceled"]);
  }
});

test.each(["1", "2"] as const)(
  "a handler hears of a caller that went away before it began (HTTP/%s)",
  async (version) => {
    heard.length = 0;
    const leaving = { "x-heard": "yes", "x-leaves": "once all is read" };
    const transport =
      version === "2"
        ? createGrpcTransport({ baseUrl: laneUrl[2] })
        : createConnectTransport({ baseUrl: laneUrl[1], httpVersion: "1.1" });
    await ask(transport, { scope: "wait", headers: leaving });
    await expect.poll(() => heard).toEqual(["Canceled"]);
  },
);

test("the lane leaves alone what is not its own", async () => {
  for (const contentType of ["application/grpc-web+proto", "application/connect+proto", "application/grpc; x=y"]) {
    const response = await fetch(`${laneUrl[1]}/icemint.v1.TokenService/GetToken`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: "",
    });
    expect(response.status).toBe(599);
  }
  expect((await fetch(`${laneUrl[1]}/icemint.v1.TokenService/WatchRevocations`, { method: "POST" })).status).toBe(599);
  expect((await fetch(`${laneUrl[1]}/icemint.v1.TokenService/GetKeys`)).status).toBe(599);
});
