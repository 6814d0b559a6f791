import { createServer } from "node:http";
import { once } from "node:events";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { invalidRequest, stateUnavailable } from "../../src/oauth/error.js";
import type { Caller } from "../../src/oauth/request.js";
import { silentLogger } from "../../src/telemetry/logger.js";
import { createRequestSpans } from "../../src/telemetry/request-spans.js";
import { createSpanExporter, type FinishedSpan, type SpanExporter } from "../../src/telemetry/span-exporter.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const CALLER: Caller = { requestId: "r1", transport: "form", address: "192.0.2.7" };

function spans() {
  const taken: FinishedSpan[] = [];
  const exporter: SpanExporter = {
    hasRoom: () => true,
    add: (span) => void taken.push(span),
    dropped: () => 0,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const recorder = createRequestSpans({
    exporter,
    clock: () => 1000,
    randomHex: (bytes) => "7".repeat(bytes * 2),
    scheme: "https",
    httpStatusOf: () => 400,
    rpcStatusOf: () => "INVALID_ARGUMENT",
  });
  return { recorder, taken };
}

async function collector(status = 200) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = `${request.method} ${request.url} ${request.headers["content-type"]}\n`;
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      bodies.push(body);
      response.writeHead(status).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return { endpoint: `http://127.0.0.1:${address.port}`, bodies };
}

const exporterOf = (endpoint: string) =>
  createSpanExporter({ endpoint, version: "1.2.3", instance: "pod-1", fetch, logger: silentLogger });

/** A collector that does not answer. */
const never: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(new Error("timed out"))));

const SPAN: FinishedSpan = {
  traceId: TRACE,
  spanId: PARENT,
  parentSpanId: undefined,
  name: "POST /v1/oauth/tokens",
  startedAt: 1_700_000_000_000.25,
  endedAt: 1_700_000_000_001,
  failed: false,
  attributes: { "http.response.status_code": 200, "url.scheme": "http" },
};

describe("the span of a request", () => {
  it("of the form endpoint has the names of OpenTelemetry's HTTP conventions", () => {
    const { recorder, taken } = spans();
    recorder.record(CALLER, "token", invalidRequest("PARAMETER_INVALID", "No."), 5, "token_exchange");
    expect(taken[0]).toMatchObject({ name: "POST /v1/oauth/tokens", startedAt: 995, endedAt: 1000, failed: false });
    expect(taken[0]?.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/oauth/tokens",
      "url.path": "/v1/oauth/tokens",
      "url.scheme": "https",
      "http.response.status_code": 400,
      "error.type": "invalid_request",
      "icemint.reason": "PARAMETER_INVALID",
      "icemint.grant": "token_exchange",
      "icemint.request_id": "r1",
    });
  });

  it.each([
    ["grpc", "grpc"],
    ["grpc-web", "grpc"],
    ["connect", "connectrpc"],
  ] as const)("over %s has the names of the RPC conventions", (transport, system) => {
    const { recorder, taken } = spans();
    recorder.record({ ...CALLER, transport }, "introspect", undefined, 1);
    expect(taken[0]?.name).toBe("icemint.v1.TokenService/IntrospectToken");
    expect(taken[0]?.attributes).toEqual({
      "rpc.system.name": system,
      "rpc.method": "icemint.v1.TokenService/IntrospectToken",
      "rpc.response.status_code": "OK",
      "icemint.request_id": "r1",
    });
  });

  it("is a child of the caller's span, or begins a trace", () => {
    const { recorder, taken } = spans();
    recorder.record({ ...CALLER, traceId: TRACE, parentSpanId: PARENT, traceSampled: true }, "token", undefined, 1);
    recorder.record(CALLER, "token", undefined, 1);
    expect(taken[0]).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, spanId: "7".repeat(16) });
    expect(taken[1]).toMatchObject({ traceId: "7".repeat(32), parentSpanId: undefined });
  });

  it("is not recorded if the caller does not record its trace", () => {
    const { recorder, taken } = spans();
    recorder.record({ ...CALLER, traceId: TRACE, parentSpanId: PARENT, traceSampled: false }, "token", undefined, 1);
    expect(taken).toEqual([]);
  });

  it("failed only if it was our fault", () => {
    const { recorder, taken } = spans();
    recorder.record(CALLER, "token", stateUnavailable(), 1);
    expect(taken[0]?.failed).toBe(true);
  });
});

describe("the span exporter", () => {
  it("sends OTLP in JSON to the collector", async () => {
    const { endpoint, bodies } = await collector();
    const exporter = exporterOf(endpoint);
    exporter.add(SPAN);
    await exporter[Symbol.asyncDispose]();
    const [head = "", body = ""] = bodies[0]?.split("\n") ?? [];
    expect(head).toBe("POST /v1/traces application/json");
    expect(JSON.parse(body)).toEqual({
      resourceSpans: [
        {
          resource: {
            attributes: [
              { key: "service.name", value: { stringValue: "icemint" } },
              { key: "service.version", value: { stringValue: "1.2.3" } },
              { key: "service.instance.id", value: { stringValue: "pod-1" } },
            ],
          },
          scopeSpans: [
            {
              scope: { name: "icemint", version: "1.2.3" },
              spans: [
                {
                  traceId: TRACE,
                  spanId: PARENT,
                  name: "POST /v1/oauth/tokens",
                  kind: 2,
                  startTimeUnixNano: "1700000000000250000",
                  endTimeUnixNano: "1700000000001000000",
                  attributes: [
                    { key: "http.response.status_code", value: { intValue: "200" } },
                    { key: "url.scheme", value: { stringValue: "http" } },
                  ],
                  status: { code: 0 },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it("sends a full batch without waiting for the time", async () => {
    const { endpoint, bodies } = await collector();
    await using exporter = exporterOf(`${endpoint}/v1/traces`);
    for (let at = 0; at < 512; at++) exporter.add(SPAN);
    await vi.waitFor(() => expect(bodies).toHaveLength(1));
    expect(bodies[0]).toContain("POST /v1/traces ");
  });

  it("drops and counts what the collector refuses", async () => {
    const { endpoint } = await collector(503);
    const exporter = exporterOf(endpoint);
    exporter.add(SPAN);
    await exporter[Symbol.asyncDispose]();
    expect(exporter.dropped()).toBe(1);
  });

  it("is bounded while the collector does not answer", async () => {
    const exporter = createSpanExporter({
      endpoint: "http://collector",
      version: "1",
      instance: "i",
      fetch: never,
      logger: silentLogger,
    });
    let taken = 0;
    for (let at = 0; at < 10_000; at++) {
      if (!exporter.hasRoom()) continue;
      exporter.add(SPAN);
      taken++;
    }
    expect(taken).toBeLessThan(3000);
    expect(exporter.dropped()).toBe(10_000 - taken);
  });
});
