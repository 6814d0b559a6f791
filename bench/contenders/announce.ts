import type { Server } from "node:net";

/** Listens on a free loopback port and tells the bench which. */
export function announce(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address !== "string") console.log(`listening ${address.port}`);
  });
}
