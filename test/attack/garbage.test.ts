/**
 * Connections that end while Node still counts what nghttp2 allocated for them. Node aborts if it then collects the halves
 * of session and stream in the wrong order, and nothing can catch that.
 */
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { readScript } from "../fuzz/byte-script.js";
import { play } from "../fuzz/play.js";
import { block, FLAG, frame, PREFACE, TYPE } from "../support/http2-bytes.js";
import { ServerProcess } from "../support/server-process.js";

const here = (name: string) => join(import.meta.dirname, name);
/** Collections are to fall between the two ends of another connection. */
const SIDE_BY_SIDE = 4;
const TIMES = 12;

test("the server outlives connections that end within trailers, side by side", async () => {
  const preload = pathToFileURL(here("collect-garbage.ts")).href;
  await using server = await ServerProcess.start({ env: { NODE_OPTIONS: `--expose-gc --import=${preload}` } });
  const port = Number(new URL(server.url).port);
  const script = readScript(readFileSync(here("corpus/half-of-the-trailers-then-another-frame.txt"), "utf8"));
  for (let time = 0; time < TIMES; time++) {
    const sockets = await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => play(port, script)));
    for (const socket of sockets) socket.destroy();
  }
  const status = await fetch(`${server.adminUrl}/livez`)
    .then((answer) => answer.status)
    .catch(() => server.stderr);
  expect(status).toBe(200);
});

const WINDOW = Buffer.of(0x7f, 0, 0, 0);
const OPENING = Buffer.concat([
  PREFACE,
  frame(TYPE.settings, 0, 0, Buffer.concat([Buffer.of(0, 4), WINDOW])),
  frame(TYPE.windowUpdate, 0, 0, WINDOW),
  frame(
    TYPE.headers,
    FLAG.endHeaders,
    1,
    block([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "x"],
    ]),
  ),
]);
const HALF_OF_TRAILERS = frame(TYPE.headers, FLAG.endStream, 1, block([["x-trailer", "x".repeat(64)]]));

test("the server outlives a connection that is reset within trailers, its answer half unread", async () => {
  const server = spawn(process.execPath, [
    "--expose-gc",
    here("unread-answers.ts"),
    String(OPENING.length + HALF_OF_TRAILERS.length),
  ]);
  onTestFinished(() => void server.kill());
  const exited = once(server, "close");
  let errors = "";
  server.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
  const { value: port } = await lines.next();
  for (let time = 0; time < TIMES; time++) {
    const socket = await leaveUnread(Number(port));
    expect(await lines.next(), errors).toMatchObject({ value: "read" });
    socket.resetAndDestroy();
    expect(await lines.next(), errors).toMatchObject({ value: "collected" });
  }
  server.kill();
  await exited;
  expect(errors).toBe("");
});

/** Reads no more than the begin of the answer. */
async function leaveUnread(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(OPENING));
  socket.on("error", () => {});
  await once(socket, "readable");
  socket.write(HALF_OF_TRAILERS);
  return socket;
}
