/** Redis, three replicas and a balancer before them. */
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { RedisProcess } from "../test/support/redis-process.js";
import { startSentinels, type SentinelSetup } from "../test/support/redis-topologies.js";
import { type Balancer, type BalancerKind, startBalancer } from "./balancer.js";
import { Replica } from "./replica.js";
import { replicaSettings } from "./settings.js";

export type Shared =
  | { readonly kind: "single"; readonly server: RedisProcess }
  | { readonly kind: "sentinel"; readonly setup: SentinelSetup };

/** What a world is made of: scenarios that want the same share one. */
export interface WorldPlan {
  readonly balancer: BalancerKind;
  readonly redis: Shared["kind"];
  /** `main.js` of the version that replicas are started with; absent: the one built here. */
  readonly program?: string | undefined;
}

export interface World {
  readonly shared: Shared;
  readonly replicas: readonly Replica[];
  readonly balancer: Balancer;
}

/** Two failed checks, half a second apart, take a replica out; one good check brings it back. */
export const BALANCER_NOTICES_MS = 1200;
const REPLICAS = ["r0", "r1", "r2"];
const MAX_CONNECTION_AGE_SECONDS = 4;

/** Starts one, with everything that it writes in `folder`. Undefined if the balancer is not installed. */
export async function startWorld(
  plan: WorldPlan,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<World | undefined> {
  mkdirSync(folder, { recursive: true });
  const shared = await startShared(plan.redis, stack);
  const settings = stringify(replicaSettings(redisSettings(shared), MAX_CONNECTION_AGE_SECONDS));
  const replicas: Replica[] = [];
  for (const name of REPLICAS) {
    replicas.push(stack.use(await Replica.prepare({ name, folder, settings })));
  }
  const balancer = await startBalancer(plan.balancer, { folder, targets: replicas });
  if (balancer === undefined) return undefined;
  stack.use(balancer);
  await Promise.all(replicas.map((replica) => replica.start(plan.program)));
  await sleep(BALANCER_NOTICES_MS);
  return { shared, replicas, balancer };
}

async function startShared(kind: Shared["kind"], stack: AsyncDisposableStack): Promise<Shared> {
  if (kind === "sentinel") return { kind, setup: stack.use(await startSentinels()) };
  return { kind, server: stack.use(await RedisProcess.start({ config: ["appendonly", "yes"] })) };
}

function redisSettings(shared: Shared): object {
  if (shared.kind === "single") return { url: shared.server.url };
  const { hosts, master } = shared.setup;
  return { sentinel: { hosts, master } };
}
