/** What is broken, and how it is put right again. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../test/support/eventually.js";
import type { SentinelSetup } from "../test/support/redis-topologies.js";
import type { RedisProcess } from "../test/support/redis-process.js";
import type { History } from "./history.js";
import type { Replica } from "./replica.js";
import { BALANCER_NOTICES_MS } from "./world.js";

const FAILOVER_WITHIN_MS = 10_000;

/** One replica after another: SIGTERM, wait for its end, start it as built here, wait until the balancer has seen it. */
export async function roll(replicas: readonly Replica[]): Promise<void> {
  for (const replica of replicas) {
    const code = await replica.stop();
    if (code !== 0) throw new Error(`${replica.name} ended with ${code} after SIGTERM`);
    await replica.start();
    await sleep(BALANCER_NOTICES_MS);
  }
}

/** SIGKILL, and after a while a new start. */
export async function killAndStart(replica: Replica): Promise<void> {
  await replica.kill();
  await sleep(3000);
  await replica.start();
  await sleep(BALANCER_NOTICES_MS);
}

/** SIGSTOP for so long. */
export async function freezeReplica(replica: Replica, ms: number): Promise<void> {
  replica.freeze();
  await sleep(ms);
  replica.thaw();
  await sleep(BALANCER_NOTICES_MS);
}

/** An orderly restart in place, with its data. */
export async function restartRedis(server: RedisProcess, history: History): Promise<void> {
  await redisAway(history, async () => {
    const link = server.connect();
    link.on("error", () => {});
    await link.call("SHUTDOWN", "NOSAVE").catch(() => {}); // it answers by closing
    link.disconnect();
    while (await isListening(server.port)) await sleep(10);
    await sleep(500);
    await server.restart();
  });
}

/** SIGSTOP for so long. */
export async function freezeRedis(server: RedisProcess, ms: number, history: History): Promise<void> {
  await redisAway(history, async () => {
    server.freeze();
    await sleep(ms);
    server.thaw();
  });
}

/** An orderly failover: the master is told to give way. */
export function failOver(setup: SentinelSetup, history: History): Promise<void> {
  return redisAway(history, () => setup.failover());
}

/** SIGKILL of the master. */
export async function killMaster(setup: SentinelSetup, history: History): Promise<void> {
  await redisAway(history, async () => {
    const master = await setup.present();
    await master.kill();
    await eventually("there is a new master", async () => (await setup.present()) !== master, FAILOVER_WITHIN_MS);
  });
}

async function redisAway(history: History, fault: () => Promise<void>): Promise<void> {
  const calledAt = performance.now();
  await fault();
  history.add({ who: "redis", what: "redis_away", calledAt, answeredAt: performance.now(), outcome: "back" });
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const opened = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "error").then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return opened;
}
