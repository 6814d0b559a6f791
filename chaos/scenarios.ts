/** What is done to three replicas under load, and what must come of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { failOver, freezeRedis, freezeReplica, killAndStart, killMaster, restartRedis, roll } from "./faults.js";
import type { History } from "./history.js";
import {
  type Requirement,
  noIcebergSessionLost,
  noLongOutage,
  noSessionLost,
  nothingRefused,
  onlyOldRefreshTokensRefused,
  redisIsMissedGracefully,
  tokensGoOn,
} from "./requirements.js";
import type { Replica } from "./replica.js";
import type { Shared, World, WorldPlan } from "./world.js";

export interface Scenario {
  readonly title: string;
  readonly balancer: WorldPlan["balancer"];
  readonly redis: WorldPlan["redis"];
  /** Whether `--quick` runs it. */
  readonly quick?: boolean;
  /** Whether clients pass the balancer by, and all connect to one replica. */
  readonly direct?: boolean;
  /** Whether replicas are of the previous version to begin with. */
  readonly fromPrevious?: boolean;
  readonly fault: (world: World, history: History) => Promise<void>;
  readonly must: readonly Requirement[];
}

const OBSERVE_MS = 3500;
const REDIS_FAULT = [tokensGoOn(), redisIsMissedGracefully(), noIcebergSessionLost] as const;
const HAPROXY = { balancer: "haproxy", redis: "single" } as const;
const ENVOY = { balancer: "envoy", redis: "single" } as const;
const SENTINEL = { balancer: "haproxy", redis: "sentinel" } as const;

/** All, those of one world beside each other. */
export const SCENARIOS: readonly Scenario[] = [
  {
    ...HAPROXY,
    title: "no fault; connections end after 4 s; clients straight at one replica",
    direct: true,
    fault: () => sleep(8000),
    must: [nothingRefused],
  },
  {
    ...HAPROXY,
    title: "rolling restart of all three",
    quick: true,
    fault: ({ replicas }) => roll(replicas),
    must: [nothingRefused],
  },
  {
    ...HAPROXY,
    title: "`kill -9` of one",
    quick: true,
    fault: ({ replicas }) => killAndStart(first(replicas)),
    must: [noLongOutage, noSessionLost],
  },
  {
    ...HAPROXY,
    title: "one hangs for 6 s (SIGSTOP)",
    fault: ({ replicas }) => freezeReplica(first(replicas), 6000),
    must: [noLongOutage, noIcebergSessionLost],
  },
  {
    ...HAPROXY,
    title: "Redis restarts",
    fault: async ({ shared }, history) => {
      await restartRedis(singleOf(shared), history);
      await sleep(OBSERVE_MS);
    },
    must: [...REDIS_FAULT, noSessionLost],
  },
  {
    ...HAPROXY,
    title: "Redis hangs for 4 s (SIGSTOP)",
    quick: true,
    fault: async ({ shared }, history) => {
      await freezeRedis(singleOf(shared), 4000, history);
      await sleep(OBSERVE_MS);
    },
    must: [...REDIS_FAULT, noSessionLost],
  },
  {
    ...HAPROXY,
    title: "rolling upgrade from the previous version",
    fromPrevious: true,
    fault: ({ replicas }) => roll(replicas),
    must: [onlyOldRefreshTokensRefused],
  },
  {
    ...SENTINEL,
    title: "orderly `SENTINEL FAILOVER`",
    fault: async ({ shared }, history) => {
      await failOver(sentinelsOf(shared), history);
      await sleep(OBSERVE_MS);
    },
    must: REDIS_FAULT,
  },
  {
    ...SENTINEL,
    title: "`kill -9` of the Redis master",
    quick: true,
    fault: async ({ shared }, history) => {
      await killMaster(sentinelsOf(shared), history);
      await sleep(OBSERVE_MS);
    },
    must: REDIS_FAULT,
  },
  { ...ENVOY, title: "rolling restart of all three", fault: ({ replicas }) => roll(replicas), must: [nothingRefused] },
  {
    ...ENVOY,
    title: "`kill -9` of one",
    fault: ({ replicas }) => killAndStart(first(replicas)),
    must: [noLongOutage, noSessionLost],
  },
];

function first(replicas: readonly Replica[]): Replica {
  const [replica] = replicas;
  if (replica === undefined) throw new Error("no replica");
  return replica;
}

function singleOf(shared: Shared) {
  if (shared.kind !== "single") throw new Error("not one Redis");
  return shared.server;
}

function sentinelsOf(shared: Shared) {
  if (shared.kind !== "sentinel") throw new Error("no Sentinels");
  return shared.setup;
}
