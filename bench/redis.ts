import { spawn } from "node:child_process";
import { once } from "node:events";
import { accepting, freePort } from "../test/support/free-port.js";

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
