/**
 * A program that serves the built HTTP/2 half with answers that no socket takes at once. Prints its port; then,
 * of each connection, that all of it is read, and that it is gone and collected.
 */
import net from "node:net";
import { resolve as absolute } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const built = (path: string) => pathToFileURL(absolute("dist/transport", path)).href;
const { Http2Side } = (await import(built("http2-side.js"))) as typeof import("../../src/transport/http2-side.js");
const { Departures } = (await import(
  built("connection-age.js")
)) as typeof import("../../src/transport/connection-age.js");

/** Of all that a client sends. */
const LENGTH = Number(process.argv[2]);
const ANSWER = Buffer.alloc(16_000_000);

const side = new Http2Side({
  onStream(stream) {
    stream.on("error", () => {});
    stream.resume();
    stream.respond();
    stream.end(ANSWER);
  },
  retireAt: () => Infinity,
  lingerMs: 0,
  graceMs: 0,
  departures: new Departures(),
  onFault: (_, error) => console.error(error),
  clock: () => 0,
});
const server = net.createServer((socket) => {
  socket.on("error", () => {});
  side.accept(socket);
  void follow(socket);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as net.AddressInfo).port));

async function follow(socket: net.Socket): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  while (socket.bytesRead < LENGTH) await setImmediate();
  console.log("read");
  await closed;
  for (let turn = 0; turn < 4; turn++) {
    await setImmediate();
    globalThis.gc?.();
  }
  console.log("collected");
}
