/** A TCP proxy that can be slow, or swallow everything while its connections stay open, as a cut network does. */
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

/** The proxy. Disposing closes every connection. */
export interface SlowLink extends AsyncDisposable {
  readonly port: number;
  /** From now on each piece of data takes so long, in each direction. In milliseconds. */
  delay(ms: number): void;
  /** From now on nothing passes, and no connection is told. */
  swallow(on: boolean): void;
  /** From now on, and until it is mended, every connection is closed at once. */
  cut(on: boolean): void;
}

/** Starts a proxy to a port on this machine. */
export async function startSlowLink(target: number): Promise<SlowLink> {
  let delayMs = 0;
  let swallows = false;
  let isCut = false;
  const sockets = new Set<Socket>();

  function pipe(from: Socket, to: Socket): void {
    sockets.add(from);
    from
      .on("error", () => {})
      .on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    from.on("data", (data) => {
      if (swallows) return;
      if (delayMs === 0) to.write(data);
      else setTimeout(() => to.destroyed || to.write(data), delayMs);
    });
  }

  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(target, "127.0.0.1");
    pipe(client, upstream);
    pipe(upstream, client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    delay: (ms) => void (delayMs = ms),
    swallow: (on) => void (swallows = on),
    cut(on) {
      isCut = on;
      if (on) for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
