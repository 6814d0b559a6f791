import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, connect } from "node:net";

/** A Redis of the bench's own, empty and without persistence. Disposing ends it. */
export interface Redis extends AsyncDisposable {
  readonly url: string;
}

/** Starts Redis on a free loopback port; undefined if none is installed. */
export async function startRedis(): Promise<Redis | undefined> {
  for (const program of ["redis-server", "valkey-server"]) {
    const port = await freePort();
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    const server = spawn(program, [...args, "--maxmemory-policy", "noeviction"], { stdio: "ignore" });
    const started = await Promise.race([once(server, "error").then(() => false), accepting(port).then(() => true)]);
    if (!started) continue;
    return {
      url: `redis://127.0.0.1:${port}`,
      async [Symbol.asyncDispose]() {
        const exited = once(server, "exit");
        server.kill("SIGKILL");
        await exited;
      },
    };
  }
  return undefined;
}

/** A free loopback port. */
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
async function accepting(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
