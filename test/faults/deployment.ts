/** Replicas of the built server on one Redis of their own, and callers with kept connections to each. */
import { FormCaller } from "../../chaos/form-caller.js";
import { History } from "../../chaos/history.js";
import { SEALING_KEY, replicaSettings } from "../../chaos/settings.js";
import { eventually } from "../support/eventually.js";
import { RedisProcess } from "../support/redis-process.js";
import { type ServerOptions, ServerProcess } from "../support/server-process.js";

/** Long enough for no test to reach it. */
const MAX_CONNECTION_AGE_SECONDS = 3600;
const READY_WITHIN_MS = 15_000;

/** Replicas and their Redis. */
export class Deployment implements AsyncDisposable {
  readonly redis: RedisProcess;
  readonly replicas: ServerProcess[] = [];
  readonly history = new History();
  readonly #settings: object;
  readonly #callers: FormCaller[] = [];

  private constructor(redis: RedisProcess, settings: object) {
    this.redis = redis;
    this.#settings = { ...replicaSettings({ url: redis.url }, MAX_CONNECTION_AGE_SECONDS), ...settings };
  }

  /** Starts so many replicas at the same instant; resolves when all are ready. `settings` come over the usual ones. */
  static async start(count: number, settings: object = {}, redisConfig: readonly string[] = []): Promise<Deployment> {
    const deployment = new Deployment(await RedisProcess.start({ config: redisConfig }), settings);
    try {
      await Promise.all(Array.from({ length: count }, () => deployment.another()));
      return deployment;
    } catch (error) {
      await deployment[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts one more replica; resolves when it is ready, if it is waited for. */
  async another(settings: object = {}, waitsUntilReady = true): Promise<ServerProcess> {
    const env = { ICEMINT_SEALING_KEY: SEALING_KEY };
    const replica = await startOnFreePorts({ settings: { ...this.#settings, ...settings }, env });
    this.replicas.push(replica);
    if (waitsUntilReady) await eventually("it is ready", () => isReady(replica), READY_WITHIN_MS);
    return replica;
  }

  /** The replica with this index. */
  replica(index: number): ServerProcess {
    const replica = this.replicas[index];
    if (replica === undefined) throw new Error(`no replica ${index}`);
    return replica;
  }

  /** A caller with a connection of its own to a replica: by index, or one that was started later. */
  caller(replica: number | ServerProcess = 0): FormCaller {
    const { url } = typeof replica === "number" ? this.replica(replica) : replica;
    const caller = new FormCaller(`caller-${this.#callers.length}`, url, this.history);
    this.#callers.push(caller);
    return caller;
  }

  /** One caller for each replica. */
  callers(): FormCaller[] {
    return this.replicas.map((replica) => this.caller(replica));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const caller of this.#callers) caller[Symbol.dispose]();
    await Promise.all(this.replicas.map((replica) => replica[Symbol.asyncDispose]()));
    await this.redis[Symbol.asyncDispose]();
  }
}

/** Once more if a port that was free has been taken by then: these tests open many connections at the same time. */
async function startOnFreePorts(options: ServerOptions): Promise<ServerProcess> {
  try {
    return await ServerProcess.start(options);
  } catch (error) {
    if (error instanceof Error && error.message.includes("is in use")) return ServerProcess.start(options);
    throw error;
  }
}

/** Whether a replica says that it is. */
export async function isReady({ adminUrl }: Pick<ServerProcess, "adminUrl">): Promise<boolean> {
  const answer = await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  return answer?.status === 200;
}
