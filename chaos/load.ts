/** All clients together until they are stopped. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type GrpcClientOptions, runGrpcClient } from "./clients/grpc-client.js";
import { runJavaClient } from "./clients/java-client.js";
import { runRefreshClient } from "./clients/refresh-client.js";
import { runRevoker } from "./clients/revoker.js";
import { runSteadyClient } from "./clients/steady-client.js";
import { runWatcher } from "./clients/watcher.js";
import { type ClientOptions, pause } from "./client.js";
import { FormCaller } from "./form-caller.js";
import type { History } from "./history.js";
import { watchNoise } from "./noise.js";
import type { Replica } from "./replica.js";
import { type UserSession, probe } from "./user-session.js";

/** How many of each there are. */
export interface LoadSize {
  readonly java: number;
  readonly steady: number;
  readonly grpc: number;
  readonly refresh: number;
  readonly revokers: number;
}

const USUAL: LoadSize = { java: 60, steady: 10, grpc: 6, refresh: 8, revokers: 2 };
const STEADY_EVERY_MS = 200;
const READY_EVERY_MS = 100;
/** Sessions of the Java client begin one after another over this time, to spread their refreshes. */
const JAVA_SPREAD_MS = 3000;
/** What a revocation may take to be everywhere. */
const SETTLE_MS = 1000;

export interface Address {
  readonly url: string;
  /** `host:port`. */
  readonly grpcAddress: string;
}

/** A replica, as it is watched. */
export type WatchedReplica = Pick<Replica, "name" | "url" | "pid" | "isReady">;

/** Where the load goes, and what is watched meanwhile. */
export interface LoadOptions {
  /** One after another is given to the clients: a balancer alone, or replicas. */
  readonly addresses: readonly [Address, ...Address[]];
  readonly replicas: readonly WatchedReplica[];
  readonly history: History;
  readonly size?: LoadSize;
}

export interface Load {
  /** Ends it, and looks a last time at all that was revoked. Resolves with what the machine added to times. */
  stop(): Promise<{ readonly noiseMs: number }>;
}

export function startLoad({ addresses, replicas, history, size = USUAL }: LoadOptions): Load {
  const end = new AbortController();
  const endOfWatch = new AbortController();
  const { signal } = end;
  for (const each of [signal, endOfWatch.signal]) setMaxListeners(0, each);
  const revoked: UserSession[] = [];
  const noise = watchNoise(() => replicas.flatMap(({ pid }) => (pid === undefined ? [] : [pid])));
  const each = (
    kind: keyof LoadSize,
    run: (client: ClientOptions & GrpcClientOptions, index: number) => Promise<void>,
  ) =>
    Array.from({ length: size[kind] }, (_, index) => {
      const { url, grpcAddress } = addresses[index % addresses.length] ?? addresses[0];
      return run({ who: `${kind}-${index}`, url, address: grpcAddress, history, signal }, index);
    });
  const running = [
    ...each("java", async (client, index) => {
      await pause((JAVA_SPREAD_MS * index) / size.java, signal);
      await runJavaClient(client);
    }),
    ...each("steady", (client) => runSteadyClient({ ...client, everyMs: STEADY_EVERY_MS })),
    ...each("grpc", (client) => runGrpcClient({ ...client, everyMs: STEADY_EVERY_MS })),
    ...each("refresh", (client) => runRefreshClient(client)),
    ...each("revokers", (client) => runRevoker(client, (session) => revoked.push(session))),
    watchReadiness(replicas, history, signal),
  ];
  const watching = runWatcher({
    who: "watcher",
    address: addresses[0].grpcAddress,
    history,
    signal: endOfWatch.signal,
  });
  return {
    async stop() {
      end.abort();
      await Promise.all(running);
      const noiseMs = noise.stop();
      await sleep(SETTLE_MS);
      endOfWatch.abort();
      await watching;
      await Promise.all(replicas.map((replica) => lookAtAll(replica, revoked, history)));
      return { noiseMs };
    },
  };
}

async function watchReadiness(
  replicas: readonly WatchedReplica[],
  history: History,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const calledAt = performance.now();
    const looks = replicas.map(async (replica) => {
      const isReady = await replica.isReady();
      const outcome = isReady ? "ok" : "not ready";
      history.add({ who: replica.name, what: "readyz", calledAt, answeredAt: performance.now(), outcome });
    });
    await Promise.all(looks);
    await new Promise((resolve) => setTimeout(resolve, READY_EVERY_MS));
  }
}

async function lookAtAll(replica: WatchedReplica, revoked: readonly UserSession[], history: History): Promise<void> {
  using caller = new FormCaller(replica.name, replica.url, history);
  for (const session of revoked) await probe(caller, session.id, session.accessToken, "final");
}
