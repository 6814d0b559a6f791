/** Sentinels and a cluster on loopback, small and quick to fail over. */
import type { Redis } from "ioredis";
import { eventually } from "./eventually.js";
import { RedisProcess } from "./redis-process.js";
import { freePort } from "./free-port.js";
import type { RedisTls } from "./redis-tls.js";

const FAST_REPLICATION = ["repl-ping-replica-period", "1", "repl-timeout", "5"];

/** A master, two replicas (Sentinels take ten seconds to make a replica of a former master) and three Sentinels. */
export interface SentinelSetup extends AsyncDisposable {
  readonly hosts: readonly string[];
  readonly master: string;
  /** The server that the Sentinels call master now. */
  present(): Promise<RedisProcess>;
  /** An orderly failover, as before maintenance. */
  failover(): Promise<void>;
}

export async function startSentinels(tls?: RedisTls): Promise<SentinelSetup> {
  const first = await RedisProcess.start({ config: FAST_REPLICATION, tls });
  const ofFirst = [...FAST_REPLICATION, "replicaof", `127.0.0.1 ${first.port}`];
  const replicas = await Promise.all([1, 2].map(() => RedisProcess.start({ config: ofFirst, tls })));
  const monitor = ["sentinel", `monitor icemint 127.0.0.1 ${first.port} 2`];
  const timing = ["down-after-milliseconds icemint 500", "failover-timeout icemint 1000"];
  const config = [...monitor, ...timing.flatMap((line) => ["sentinel", line])];
  const sentinels = await Promise.all([1, 2, 3].map(() => RedisProcess.start({ isSentinel: true, config, tls })));
  const [asked] = sentinels;
  if (asked === undefined) throw new Error("no Sentinel");
  const ask = asked.connect();
  const masterInfo = async (): Promise<Map<string, string>> => {
    const flat = (await ask.call("SENTINEL", "MASTER", "icemint")) as string[];
    return new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ""] as const] : [])));
  };
  await eventually(
    "all have met",
    async () => {
      const info = await masterInfo();
      return info.get("num-slaves") === "2" && info.get("num-other-sentinels") === "2";
    },
    10_000,
  );
  const present = async (): Promise<RedisProcess> => {
    const port = Number((await masterInfo()).get("port"));
    return [first, ...replicas].find((server) => server.port === port) ?? first;
  };
  return {
    hosts: sentinels.map(({ port }) => `127.0.0.1:${port}`),
    master: "icemint",
    present,
    async failover() {
      const before = await present();
      await ask.call("SENTINEL", "FAILOVER", "icemint");
      await eventually("another is master", async () => (await present()) !== before, 10_000);
    },
    async [Symbol.asyncDispose]() {
      ask.disconnect();
      await Promise.all([...sentinels, ...replicas, first].map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

/** Three masters, the first two thirds of the slots with the first two; and one more, empty, to move slots to. */
export interface ClusterSetup extends AsyncDisposable {
  readonly hosts: readonly string[];
  readonly nodes: readonly RedisProcess[];
  /** Moves the slot of a key, with all its keys, to another master, as resharding does. */
  moveSlotOf(key: string): Promise<void>;
}

const SLOTS = 16_384;

export async function startCluster(tls?: RedisTls): Promise<ClusterSetup> {
  const config = ["cluster-enabled", "yes", "cluster-node-timeout", "1000", "cluster-require-full-coverage", "no"];
  const nodes = await Promise.all(
    [1, 2, 3].map(async () => RedisProcess.start({ port: await clusterPort(), config, tls })),
  );
  const links = nodes.map((node) => node.connect());
  await Promise.all(
    links.map(async (link, at) => {
      const [from, to] = [Math.ceil((SLOTS * at) / 3), Math.ceil((SLOTS * (at + 1)) / 3) - 1];
      await link.call("CLUSTER", "ADDSLOTSRANGE", from, to);
      for (const other of nodes) await link.call("CLUSTER", "MEET", "127.0.0.1", other.port);
    }),
  );
  const areReady = async (): Promise<boolean> => {
    const infos = await Promise.all(links.map((link) => link.cluster("INFO")));
    return infos.every((info) => info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3"));
  };
  await eventually("the cluster is up", areReady, 15_000);
  return {
    hosts: nodes.map(({ port }) => `127.0.0.1:${port}`),
    nodes,
    moveSlotOf: (key) => moveSlot(links, key),
    async [Symbol.asyncDispose]() {
      for (const link of links) link.disconnect();
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}

async function moveSlot(links: readonly Redis[], key: string): Promise<void> {
  const [slot = 0] = await Promise.all(links.slice(0, 1).map((link) => link.cluster("KEYSLOT", key)));
  const fromAt = Math.floor((slot * 3) / SLOTS);
  const [from, to] = [links[fromAt], links[(fromAt + 1) % 3]];
  if (from === undefined || to === undefined) throw new Error("no such node");
  const [fromId, toId] = await Promise.all([from, to].map((link) => link.cluster("MYID")));
  await to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", String(fromId));
  await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", String(toId));
  const port = String(to.options.port);
  for (;;) {
    const keys = (await from.call("CLUSTER", "GETKEYSINSLOT", slot, 100)) as string[];
    if (keys.length === 0) break;
    await from.call("MIGRATE", "127.0.0.1", port, "", 0, 1000, "KEYS", ...keys);
  }
  for (const link of links) await link.call("CLUSTER", "SETSLOT", slot, "NODE", String(toId));
}

/** The cluster bus listens 10,000 above. */
export async function clusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port <= 55_535) return port;
  }
}
