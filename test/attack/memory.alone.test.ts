/**
 * Attacks on memory, against the built server in a process of its own: it stays small while they last, is small again
 * afterwards, and answers everyone else all the while. One test for each, since each needs a server of its own.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { forkTypescript } from "../support/typescript-child.js";
import type { ServerProcess } from "../support/server-process.js";
import { HONEST_FORM, faultsOf, startBuilt } from "./built-server.js";
import { MEMORY_ATTACKS } from "./memory-attacks.js";

const MIB = 1024 * 1024;
const GROWS_AT_MOST = 128 * MIB;
const KEEPS_AT_MOST = 32 * MIB;
const SMALL_AGAIN_WITHIN_MS = 60_000;
const P99_MS = 500;
/** For which the attack goes on. */
const ATTACK_MS = 6000;

/** What the server's process holds in memory, in bytes. */
function rss({ pid }: ServerProcess): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

/** Asks for tokens one after another on a connection that is kept, and for the probe, until `over`. */
async function honestCaller({ url, adminUrl }: ServerProcess, over: () => boolean) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const statuses: number[] = [];
  const probes: number[] = [];
  const times: number[] = [];
  while (!over()) {
    const began = performance.now();
    statuses.push(await post(url, agent));
    times.push(performance.now() - began);
    if (statuses.length % 10 === 1) probes.push((await fetch(`${adminUrl}/livez`)).status);
    await sleep(5);
  }
  agent.destroy();
  return { statuses, probes, p99: times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Infinity };
}

async function post(url: string, agent: http.Agent): Promise<number> {
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": HONEST_FORM.length };
  const request = http.request(`${url}/v1/oauth/tokens`, { method: "POST", agent, headers });
  request.end(HONEST_FORM);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}

describe.runIf(process.platform === "linux")("the server stays small, and answers everyone else, under", () => {
  test.each(MEMORY_ATTACKS.map(({ name, connections }) => [name, connections] as const))(
    "%s",
    { timeout: 120_000 },
    async (name, connections) => {
      await using server = await startBuilt({ log_level: "error" });
      await honestCaller(server, stopAfter(1500)); // what is compiled and cached by use is no growth
      const before = rss(server);
      const attack = await attackBy(name, server);
      expect(attack.opened).toBeGreaterThanOrEqual(connections);
      const over = stopAfter(ATTACK_MS);
      const [honest, most] = await Promise.all([honestCaller(server, over), mostRss(server, over)]);
      await attack.end();
      expect(new Set(honest.statuses)).toEqual(new Set([200]));
      expect(new Set(honest.probes)).toEqual(new Set([200]));
      expect(honest.p99).toBeLessThan(P99_MS);
      expect(most - before).toBeLessThan(GROWS_AT_MOST);
      const isSmall = () => rss(server) - before < KEEPS_AT_MOST;
      await eventually("the server is small again", isSmall, SMALL_AGAIN_WITHIN_MS);
      expect(await faultsOf(server)).toBe(0);
    },
  );
});

/** Attacks from a process of its own. Resolves when every connection of the attack has been taken once. */
async function attackBy(name: string, { url }: ServerProcess) {
  const attacker = forkTypescript(join(import.meta.dirname, "attacker.ts"), [name, new URL(url).port]);
  const ended = once(attacker, "exit");
  const [{ opened }] = (await once(attacker, "message")) as [{ opened: number }];
  return {
    opened,
    async end() {
      attacker.disconnect();
      await ended;
    },
  };
}

/** The most that the server holds until `over`. */
async function mostRss(server: ServerProcess, over: () => boolean): Promise<number> {
  let most = 0;
  while (!over()) {
    most = Math.max(most, rss(server));
    await sleep(20);
  }
  return most;
}

/** True after this many milliseconds. */
function stopAfter(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() > end;
}
