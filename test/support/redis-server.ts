/**
 * Starts one real Redis for the run (vitest `globalSetup`): `ICEMINT_TEST_REDIS_URL` if set, else `redis-server` or
 * `valkey-server` from PATH on a free loopback port. Tests read the URL by `inject("redisUrl")` and use a random prefix.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { accepting, freePort } from "./free-port.js";

declare module "vitest" {
  export interface ProvidedContext {
    redisUrl: string;
  }
}

const HOW_TO_GET_REDIS =
  "These tests need a real Redis or Valkey and found no redis-server or valkey-server on the PATH. Install one: " +
  "`apt-get install -y redis-server`, or `brew install redis`.";

/** The server on the PATH. */
export function redisProgram(): string {
  const program = ["redis-server", "valkey-server"].find((name) => spawnSync(name, ["--version"]).error === undefined);
  if (program === undefined) throw new Error(HOW_TO_GET_REDIS);
  return program;
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env["ICEMINT_TEST_REDIS_URL"];
  if (given !== undefined && given !== "") {
    project.provide("redisUrl", given);
    return undefined;
  }
  const directory = mkdtempSync(join(tmpdir(), "icemint-redis-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory];
  const server = spawn(redisProgram(), args, { stdio: "ignore" });
  await accepting(port);
  project.provide("redisUrl", `redis://127.0.0.1:${port}`);
  return async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
    rmSync(directory, { recursive: true, force: true });
  };
}
