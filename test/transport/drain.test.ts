/** Going down without losing a request. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.js";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { eventually } from "../support/eventually.js";
import { withHttp2Load } from "./support/http2-load.js";
import { DATA, END_STREAM, GOAWAY, SETTINGS, headersFrame, http2Preface, parseFrames } from "./support/raw-http2.js";
import { SECRET, startServer } from "./support/fake-core.js";
import { fairNow } from "../support/fair-time.js";

const FORM = new URLSearchParams({ grant_type: "client_credentials", client_id: "spark", client_secret: SECRET });
const SLOW_FORM = new URLSearchParams([...FORM, ["scope", "slow"]]);

/** One request on a kept connection: the status and whether the connection is to be closed; or the error's code. */
async function post(
  url: string,
  agent: http.Agent,
  form = FORM,
): Promise<{ status?: number; close?: boolean; failed?: string }> {
  const request = http.request(`${url}/v1/oauth/tokens`, {
    method: "POST",
    agent,
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  request.end(form.toString());
  try {
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    await once(response, "end");
    return { status: response.statusCode ?? 0, close: response.headers.connection === "close" };
  } catch (error) {
    return { failed: String((error as NodeJS.ErrnoException).code) };
  }
}

describe("draining", () => {
  test("loses no request under keep-alive load: each is answered, or its connection was refused from the start", async () => {
    const running = await startServer();
    const outcomes: Awaited<ReturnType<typeof post>>[] = [];
    const load = { stopped: false };
    const workers = Array.from({ length: 16 }, async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      while (!load.stopped) {
        const outcome = await post(running.url, agent);
        outcomes.push(outcome);
        if (outcome.failed !== undefined) break; // a balancer would have gone elsewhere by now
      }
      agent.destroy();
    });
    await eventually("each has been answered", () => outcomes.length > 16);
    await running.server.drain({ delayMs: 150, graceMs: 5000 });
    load.stopped = true;
    await Promise.all(workers);
    expect(outcomes.length).toBeGreaterThan(16);
    const bad = outcomes.filter(({ status, failed }) => status !== 200 && failed !== "ECONNREFUSED");
    expect(bad).toEqual([]);
  });

  test("loses no stream of HTTP/2 connections that are used all the while", async () => {
    const running = await startServer();
    const outcomes = await withHttp2Load(running.url, () => running.server.drain({ delayMs: 50, graceMs: 5000 }));
    expect(outcomes.length).toBeGreaterThan(24);
    expect(new Set(outcomes)).toEqual(new Set([200]));
  });

  test("tells an idle HTTP/2 connection with its next stream, and which one is the last that is served", async () => {
    const running = await startServer();
    const socket = connect(running.port, "127.0.0.1");
    const received: Buffer[] = [];
    socket.on("data", (chunk) => received.push(chunk));
    const frames = (wanted: number) => parseFrames(Buffer.concat(received)).filter(({ type }) => type === wanted);
    const request = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/errors"],
      [":authority", "x"],
    ] as const;
    socket.write(http2Preface);
    await expect.poll(() => frames(SETTINGS).length).toBeGreaterThan(0);
    const drained = running.server.drain({ delayMs: 0, graceMs: 5000 });
    await sleep(20);
    expect(frames(GOAWAY)).toEqual([]);
    socket.write(Buffer.concat([headersFrame(1, request), headersFrame(3, request)]));
    await drained;
    const served = frames(DATA).filter(({ flags }) => (flags & END_STREAM) !== 0);
    expect(served.map(({ stream }) => stream)).toEqual([1, 3]);
    expect(frames(GOAWAY)[0]?.payload.readUInt32BE(0)).toBe(3);
  });

  test("serves on for the delay, with readiness already off", async () => {
    const running = await startServer({ timeouts: { lingerMs: 100 } });
    const health = createClient(Health, createGrpcTransport({ baseUrl: running.url }));
    expect((await health.check({})).status).toBe(Status.SERVING);
    const drained = running.server.drain({ delayMs: 300, graceMs: 2000 });
    expect(running.server.accepting()).toBe(false);
    expect((await health.check({})).status).toBe(Status.NOT_SERVING);
    expect((await fetch(`${running.url}/v1/oauth/tokens`, { method: "POST", body: FORM })).status).toBe(200);
    await drained;
    await expect(fetch(running.url)).rejects.toThrow();
  });

  test("finishes what is in flight on both HTTP versions, and closes those connections", async () => {
    const running = await startServer({ timeouts: { lingerMs: 50 } });
    const agent = new http.Agent({ keepAlive: true });
    const slow = post(running.url, agent, SLOW_FORM);
    const token = createClient(TokenService, createGrpcTransport({ baseUrl: running.url })).getToken({
      grant: { case: "clientCredentials", value: {} },
      clientId: "spark",
      clientSecret: SECRET,
      scope: "slow",
    });
    await eventually("both are in flight", () => running.seen.tokens.length === 2);
    await running.server.drain({ delayMs: 0, graceMs: 2000 });
    expect(await slow).toMatchObject({ status: 200 });
    expect((await token).accessToken).not.toBe("");
  });

  test("waits for a request on a kept connection a little, and no longer", async () => {
    const running = await startServer({ timeouts: { lingerMs: 200 } });
    const socket = connect(running.port, "127.0.0.1");
    await once(socket, "connect");
    const started = fairNow();
    await running.server.drain({ delayMs: 0, graceMs: 5000 });
    expect(fairNow() - started).toBeLessThan(1500);
  });

  test("cuts what is left when the grace is over", async () => {
    const running = await startServer();
    const session = http2.connect(running.url);
    session.on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": "/v1/oauth/tokens" });
    stream.on("error", () => {});
    stream.write("never ending");
    await eventually("it is connected", () => running.server.connections().http2 === 1);
    const started = fairNow();
    await running.server.drain({ delayMs: 0, graceMs: 300 });
    expect(fairNow() - started).toBeLessThan(1500);
    await expect.poll(() => running.server.connections()).toMatchObject({ total: 0, http1: 0, http2: 0 });
  });

  test("is over at once when nobody is connected", async () => {
    const running = await startServer();
    const started = fairNow();
    await running.server.drain({ delayMs: 0, graceMs: 5000 });
    expect(fairNow() - started).toBeLessThan(900); // less than the time that a connection would be given
    await running.server.close(); // once more is no matter
  });
});
