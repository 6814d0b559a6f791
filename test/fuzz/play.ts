/** Plays a script on a connection of its own, which is the caller's then. What comes back is read and dropped. */
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import type { ByteScript } from "./byte-script.js";

/** A server that has something to say to such a client says it sooner. Some have nothing to say. */
const WAIT_MS = 40;

export async function play(port: number, script: ByteScript): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  socket.on("error", () => {}); // it is the server's right to cut such a connection
  socket.resume();
  for (const step of script) {
    if (socket.destroyed) break;
    switch (step.kind) {
      case "send":
        socket.write(step.bytes);
        break;
      case "flush":
        await flushed(socket);
        break;
      case "wait":
        await heard(socket);
        break;
      case "end":
        socket.end();
        break;
      case "reset":
        await flushed(socket);
        socket.resetAndDestroy();
    }
  }
  return socket;
}

/** Resolves when the bytes are with the kernel, and the server had a turn to read them. */
async function flushed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.write("", () => resolve());
  await promise;
  await setImmediate();
  await setImmediate();
}

async function heard(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, WAIT_MS);
  for (const event of ["data", "end", "close"]) socket.once(event, () => resolve());
  await promise;
  clearTimeout(timer);
}
