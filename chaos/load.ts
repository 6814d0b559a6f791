/** All clients together, on one address, until they are stopped. */
import { setMaxListeners } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { runGrpcClient } from "./clients/grpc-client.js";
import { runJavaClient } from "./clients/java-client.js";
import { runRefreshClient } from "./clients/refresh-client.js";
import { runRevoker } from "./clients/revoker.js";
import { runSteadyClient } from "./clients/steady-client.js";
import { runWatcher } from "./clients/watcher.js";
import { pause } from "./client.js";
import { FormCaller } from "./form-caller.js";
import type { History } from "./history.js";
import type { Replica } from "./replica.js";
import { type UserSession, probe } from "./user-session.js";

/** How many of each there are. */
const JAVA = 60;
const STEADY = 10;
const GRPC = 6;
const REFRESH = 8;
const REVOKERS = 2;
const STEADY_EVERY_MS = 200;
const READY_EVERY_MS = 100;
/** Sessions of the Java client begin one after another over this time, so that their refreshes do not come at once. */
const JAVA_SPREAD_MS = 3000;
/** What a revocation may take to be everywhere. */
const SETTLE_MS = 1000;

/** Where the load goes, and what is watched meanwhile. */
export interface LoadOptions {
  readonly url: string;
  readonly grpcAddress: string;
  readonly replicas: readonly Replica[];
  readonly history: History;
}

/** Load that is on. */
export interface Load {
  /** Ends it, and looks a last time at all that was revoked. Resolves with the longest pause of this process itself. */
  stop(): Promise<{ readonly ownPauseMs: number }>;
}

/** Puts the load on. */
export function startLoad({ url, grpcAddress, replicas, history }: LoadOptions): Load {
  const end = new AbortController();
  const endOfWatch = new AbortController();
  const { signal } = end;
  for (const each of [signal, endOfWatch.signal]) setMaxListeners(0, each);
  const revoked: UserSession[] = [];
  const at = (who: string) => ({ who, url, history, signal });
  const grpcAt = (who: string) => ({ who, address: grpcAddress, history, signal });
  const times = <T>(count: number, make: (index: number) => T): T[] =>
    Array.from({ length: count }, (_, index) => make(index));
  const pauses = monitorEventLoopDelay({ resolution: 5 });
  pauses.enable();
  const running = [
    ...times(JAVA, async (index) => {
      await pause((JAVA_SPREAD_MS * index) / JAVA, signal);
      await runJavaClient(at(`java-${index}`));
    }),
    ...times(STEADY, (index) => runSteadyClient({ ...at(`steady-${index}`), everyMs: STEADY_EVERY_MS })),
    ...times(GRPC, (index) => runGrpcClient({ ...grpcAt(`grpc-${index}`), everyMs: STEADY_EVERY_MS })),
    ...times(REFRESH, (index) => runRefreshClient(at(`refresh-${index}`))),
    ...times(REVOKERS, (index) => runRevoker(at(`revoker-${index}`), (session) => revoked.push(session))),
    watchReadiness(replicas, history, signal),
  ];
  const watching = runWatcher({ ...grpcAt("watcher"), signal: endOfWatch.signal });
  return {
    async stop() {
      end.abort();
      await Promise.all(running);
      pauses.disable();
      await sleep(SETTLE_MS);
      endOfWatch.abort();
      await watching;
      await Promise.all(replicas.map((replica) => lookAtAll(replica, revoked, history)));
      return { ownPauseMs: pauses.max / 1e6 };
    },
  };
}

async function watchReadiness(replicas: readonly Replica[], history: History, signal: AbortSignal): Promise<void> {
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

async function lookAtAll(replica: Replica, revoked: readonly UserSession[], history: History): Promise<void> {
  using caller = new FormCaller(replica.name, replica.url, history);
  for (const session of revoked) await probe(caller, session.id, session.accessToken, "final");
}
