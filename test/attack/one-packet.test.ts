/**
 * Packets of one write that end a server which does not hold out: against the built server, over its real port, on the
 * Node that the project pins. Nobody here is authenticated.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerProcess } from "../support/server-process.js";
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  headersFrame,
  http2Preface,
  RST_STREAM,
} from "../transport/support/raw-http2.js";
import { faultsOf, startBuilt, tokenStatus } from "./built-server.js";

let server: ServerProcess;
beforeAll(async () => {
  server = await startBuilt();
});
afterAll(() => server[Symbol.asyncDispose]());

const UINT32 = (...values: number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32BE(value, 4 * at));
  return bytes;
};
const CANCEL = UINT32(8);

/** The fields of a request. */
function post(path: string, type?: string): [string, string][] {
  const fields: [string, string][] = [
    [":method", "POST"],
    [":path", path],
    [":scheme", "http"],
    [":authority", "x"],
  ];
  return type === undefined ? fields : [...fields, ["content-type", type]];
}

/** Sends pieces, each when the one before has had an answer or 30 ms; then closes, at once or when the server falls silent. */
async function send(pieces: readonly Buffer[], leaveAtOnce = false): Promise<void> {
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  const closed = once(socket, "close").catch(() => {});
  for (const piece of pieces) {
    socket.write(piece);
    if (leaveAtOnce) break;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("data", resolve).once("close", resolve);
    const patience = setTimeout(resolve, 30);
    await promise;
    clearTimeout(patience);
  }
  if (leaveAtOnce) socket.end(() => socket.destroy());
  else socket.destroy();
  await closed;
}

/** That a token can be had, and that the server has counted no fault of its own. */
async function expectUnharmed(): Promise<void> {
  expect(await tokenStatus(server)).toBe(200);
  expect(await faultsOf(server)).toBe(0);
}

const REQUESTS = {
  "a gRPC method that is not served": post("/x", "application/grpc"),
  "a gRPC-Web method that is not served": post("/x", "application/grpc-web+proto"),
  "a gRPC call": post("/icemint.v1.TokenService/GetKeys", "application/grpc"),
  "a Connect call": post("/icemint.v1.TokenService/GetKeys", "application/json"),
  "a gRPC-Web call": post("/icemint.v1.TokenService/GetKeys", "application/grpc-web+proto"),
  "a form": post("/v1/oauth/tokens", "application/x-www-form-urlencoded"),
  "a document": [[":method", "GET"], ...post("/.well-known/jwks.json").slice(1)] as [string, string][],
  "a preflight": [
    [":method", "OPTIONS"],
    ...post("/icemint.v1.TokenService/GetKeys").slice(1),
    ["origin", "http://x"],
  ] as [string, string][],
  "a path where nothing is": post("/nothing"),
  "a health check": post("/grpc.health.v1.Health/Check", "application/grpc"),
  "a health watch": post("/grpc.health.v1.Health/Watch", "application/grpc"),
  reflection: post("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "application/grpc"),
  "a watch of revocations": post("/icemint.v1.TokenService/WatchRevocations", "application/grpc"),
  "an authority that is none": [
    ...post("/icemint.v1.TokenService/GetKeys", "application/grpc-web").slice(0, 3),
    [":authority", "[["],
  ] as [string, string][],
} satisfies Record<string, [string, string][]>;

const EMPTY_MESSAGE = frame(DATA, 0, 1, Buffer.alloc(5));
const END = frame(DATA, END_STREAM, 1, Buffer.alloc(0));
const RESET = frame(RST_STREAM, 0, 1, CANCEL);
const GO_AWAY = frame(GOAWAY, 0, 0, UINT32(0, 0));
const FAILING_GO_AWAY = frame(GOAWAY, 0, 0, UINT32(0, 1));

/** What follows the header fields: frames of one write, or of several. */
const ENDINGS: Readonly<Record<string, readonly (readonly Buffer[])[]>> = {
  "a reset in the same write": [[RESET]],
  "a message and a reset": [[EMPTY_MESSAGE, RESET]],
  "all of it and a reset": [[EMPTY_MESSAGE, END, RESET]],
  "a reset after its answer": [[EMPTY_MESSAGE, END], [RESET]],
  "a reset after a moment": [[], [EMPTY_MESSAGE], [RESET]],
  "an end without a message": [[END]],
  GOAWAY: [[GO_AWAY]],
  "a message and GOAWAY with an error": [[EMPTY_MESSAGE, END, FAILING_GO_AWAY]],
  "GOAWAY with an error after its answer": [[EMPTY_MESSAGE, END], [FAILING_GO_AWAY]],
};

// SECURITY.md: "One request never ends the server".
describe("one packet does not end the server:", () => {
  const withFields = (fields: [string, string][], more: readonly Buffer[]) =>
    Buffer.concat([http2Preface, headersFrame(1, fields, END_HEADERS), ...more]);

  test("GOAWAY with an error, then a request with a body", async () => {
    const request = [headersFrame(1, post("/"), END_HEADERS), frame(DATA, 0, 1, Buffer.from("a=b"))];
    await send([Buffer.concat([http2Preface, FAILING_GO_AWAY, ...request])]);
    await expectUnharmed();
  });

  test("a body where content-length says that there is none, then another request", async () => {
    const empty: [string, string][] = [...post("/v1/oauth/tokens"), ["content-length", "0"]];
    const first = [headersFrame(1, empty, END_HEADERS), frame(DATA, 0, 1, Buffer.from("a=b"))];
    const second = [headersFrame(3, post("/"), END_HEADERS), frame(DATA, 0, 3, Buffer.from("a=b"))];
    await send([Buffer.concat([http2Preface, ...first, ...second])]);
    await expectUnharmed();
  });

  test.each(Object.entries(REQUESTS))("%s, with every ending", async (_name, fields) => {
    for (const [first = [], ...rest] of Object.values(ENDINGS)) {
      const pieces = [withFields(fields, first), ...rest.map((frames) => Buffer.concat(frames))];
      await send(pieces);
      await send(pieces, true);
    }
    await expectUnharmed();
  });

  test.each(Object.entries(REQUESTS))("%s, on each of many streams that all are reset", async (_name, fields) => {
    const streams = Array.from({ length: 40 }, (_, at) => 2 * at + 1);
    const frames = streams.flatMap((stream) => [
      headersFrame(stream, fields, END_HEADERS),
      frame(DATA, END_STREAM, stream, Buffer.alloc(5)),
    ]);
    const resets = streams.map((stream) => frame(RST_STREAM, 0, stream, CANCEL));
    await send([Buffer.concat([http2Preface, ...frames, ...resets])]);
    await expectUnharmed();
  });
});
