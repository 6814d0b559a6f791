import { once } from "node:events";
import { connect, createServer } from "node:net";
import { eventually } from "./eventually.js";

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}

/** Resolves once something accepts connections on the port. */
export function accepting(port: number, timeoutMs = 5000): Promise<void> {
  return eventually(`something listens on port ${port}`, () => accepts(port), timeoutMs);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
