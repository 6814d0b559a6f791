/** HTTP/2 connections that break its rules, frame by frame, against the whole server (RFC 9113). */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningApp } from "../support/running-app.js";
import { hasAnswer200, HONEST, ODD_CONNECTIONS } from "./odd/http2-frames.js";
import { login, startWorld } from "./world.js";

let app: RunningApp;
beforeAll(async () => {
  app = await startWorld();
});
afterAll(() => app[Symbol.asyncDispose]());

/** All that comes back until the server ends the connection, an answer of 200 comes, or `patienceMs` have passed. */
async function send(bytes: Buffer, patienceMs = 250): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let received = Buffer.alloc(0);
  const socket = connect({ port: app.port, host: "127.0.0.1" }, () => socket.write(bytes));
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (hasAnswer200(received)) resolve();
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  const patience = setTimeout(resolve, patienceMs);
  await promise;
  clearTimeout(patience);
  socket.destroy();
  return received;
}

describe("an HTTP/2 connection with", () => {
  test("an honest request is answered", async () => {
    expect(hasAnswer200(await send(HONEST.bytes, 2000))).toBe(true);
  });

  test.concurrent.for(ODD_CONNECTIONS.map((odd) => [odd.name, odd] as const))(
    "%s gets no token",
    async ([, { bytes }], { expect: e }) => {
      e(hasAnswer200(await send(bytes))).toBe(false);
    },
  );

  test("none of these harms the server: it logs no fault, and answers", async () => {
    expect(app.log.join("")).not.toContain('"level":"error"');
    expect((await login(app, "spark")).split(".")).toHaveLength(3);
    expect(app.app.address.port).toBe(app.port);
  });
});
