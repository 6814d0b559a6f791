/** Replicas of the whole core on shared state, with one true time and each its own clock and `session_ttl`. */
import { randomBytes } from "node:crypto";
import { revocationsOfChange } from "../../src/app/client-changes.js";
import { type Core, createCore } from "../../src/app/core.js";
import { announcingKeys } from "../../src/app/key-operations.js";
import type { Client } from "../../src/clients/client.js";
import { clientSet } from "../../src/clients/client-registry.js";
import { pooledRandomId } from "../../src/crypto/random-id.js";
import { createMemoryKeyRing } from "../../src/keys/memory-key-ring.js";
import { createFailedLoginLimiter } from "../../src/limits/limiter.js";
import type { Events } from "../../src/oauth/events.js";
import { RevocationTable } from "../../src/revocations/table.js";
import type { Storage } from "../../src/storage/storage.js";
import { DAY, HOUR, MINUTE, SECOND, toSeconds } from "../../src/time/clock.js";
import { IDP_JWK, ISSUER, TRUSTED_IDP } from "../support/core.js";
import { eventually } from "../support/eventually.js";

/** How one replica differs from others. */
export interface ReplicaSettings {
  /** How far its clock is ahead, in seconds. */
  readonly skew: number;
  readonly sessionTtl: number;
}

/** State that replicas share. */
export interface SharedState {
  /** How many replicas there may be: one in memory, which cannot be restarted either. */
  readonly replicas: number;
  open(
    settings: ReplicaSettings & { readonly clock: () => number; readonly trueClock: () => number },
  ): Promise<Storage>;
  /** Loses the last writes, as a failover does. */
  loseWrites(): Promise<void>;
  close(): Promise<void>;
}

/** A view that also counts how often it was confirmed. */
class CountingTable extends RevocationTable {
  confirmed = 0;

  override caughtUp(at: number, cursor = ""): void {
    super.caughtUp(at);
    if (cursor !== "") this.confirmed += at === Infinity ? Infinity : 1;
  }
}

export interface Replica extends Core {
  readonly sessionTtl: number;
  readonly table: CountingTable;
  readonly storage: Storage;
  stop(): Promise<void>;
}

const START = Date.UTC(2026, 0, 1);
const IGNORED = (): void => {};
const NO_EVENTS: Events = {
  tokenIssued: IGNORED,
  tokenRefused: IGNORED,
  revoked: IGNORED,
  revocationRefused: IGNORED,
  introspected: IGNORED,
  introspectionRefused: IGNORED,
  operated: IGNORED,
  operationRefused: IGNORED,
  refreshReused: IGNORED,
  storeRegressed: IGNORED,
  familyTampered: IGNORED,
};

export class World {
  readonly replicas: Replica[] = [];
  readonly #state: SharedState;
  readonly #registry: { current: ReturnType<typeof clientSet> };
  readonly #keys: ReturnType<typeof createMemoryKeyRing>;
  #issuerTrusted = true;
  #now = START;

  private constructor(state: SharedState, clients: readonly Client[]) {
    this.#state = state;
    this.#registry = { current: clientSet(clients) };
    const policy = { rotateEveryMs: 365 * DAY, publishAheadMs: SECOND, accessTtlMs: HOUR, sessionTtlMs: DAY };
    this.#keys = createMemoryKeyRing({ algorithm: "ES256", policy, clock: () => this.#now });
  }

  /** Begins with as many replicas as there may be: the first with the first settings, and so on. */
  static async begin(
    state: SharedState,
    clients: readonly Client[],
    settings: readonly ReplicaSettings[],
  ): Promise<World> {
    const world = new World(state, clients);
    for (const each of settings.slice(0, state.replicas)) world.replicas.push(await world.#start(each));
    await world.settled();
    return world;
  }

  /** True time, in seconds. */
  get now(): number {
    return toSeconds(this.#now);
  }

  get canRestart(): boolean {
    return this.#state.replicas > 1;
  }

  replica(at: number): Replica {
    const found = this.replicas[at % this.replicas.length];
    if (found === undefined) throw new Error("no replica runs");
    return found;
  }

  async pass(seconds: number): Promise<void> {
    this.#now += seconds * SECOND;
    await this.settled();
  }

  async restart(at: number, settings: ReplicaSettings): Promise<void> {
    const index = at % this.replicas.length;
    await this.replica(index).stop();
    this.replicas[index] = await this.#start(settings);
    await this.settled();
  }

  async loseWrites(): Promise<void> {
    await this.#state.loseWrites();
    await this.settled();
  }

  /** Changes the clients, as a reload on every replica does. */
  async reload(clients: readonly Client[], issuerTrusted: boolean): Promise<void> {
    const before = this.#registry.current;
    this.#registry.current = clientSet(clients);
    this.#issuerTrusted = issuerTrusted;
    const { storage, table } = this.replica(0);
    const revocations = revocationsOfChange(before, this.#registry.current, storage.revocations, table);
    for (const revocation of revocations) await storage.revocations.publish(revocation, undefined);
    await this.settled();
  }

  async rotateKey(): Promise<void> {
    await this.#keys.rotate();
    await this.pass(1);
  }

  /** Revokes a key, if the ring has it still. */
  async revokeKey(kid: string): Promise<boolean> {
    if (this.#keys.stateOf(kid) === undefined) return false;
    await announcingKeys(this.#keys, this.replica(0).storage.revocations).revoke(kid);
    await this.settled();
    return true;
  }

  /** Resolves when every replica has seen everything that is there, and put back what was lost. */
  async settled(): Promise<void> {
    const before = this.replicas.map(({ table }) => table.confirmed);
    const isSettled = ({ table }: Replica, at: number): boolean =>
      table.confirmed >= (before[at] ?? 0) + 2 && [...table.unconfirmed()].length === 0;
    await eventually("all replicas have followed", () => this.replicas.every(isSettled));
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    await this.#state.close();
  }

  async #start({ skew, sessionTtl }: ReplicaSettings): Promise<Replica> {
    const clock = (): number => this.#now + skew * SECOND;
    const storage = await this.#state.open({ skew, sessionTtl, clock, trueClock: () => this.#now });
    const table = new CountingTable({ clock: () => storage.now() });
    const stopping = new AbortController();
    const following = storage.revocations.follow(table, stopping.signal);
    const underWay: Promise<unknown>[] = [];
    const core = createCore({
      config: {
        issuer: ISSUER,
        tokens: { accessTtlMs: HOUR, sessionTtlMs: sessionTtl * SECOND, refreshGraceMs: 0, refreshIdleMs: DAY },
        revocation: { maxStalenessMs: 5 * MINUTE },
        tokenPaths: ["/v1/oauth/tokens"],
      },
      registry: this.#registry,
      trustedIssuers: () => (this.#issuerTrusted ? [TRUSTED_IDP] : []),
      storage,
      revocationView: table,
      revokeEventually: (revocation, owner) => void underWay.push(storage.revocations.publish(revocation, owner)),
      keys: this.#keys,
      issuerKeys: { find: async () => IDP_JWK },
      limiter: createFailedLoginLimiter({ policy: { burst: 1000, intervalMs: 1 }, clock }),
      events: NO_EVENTS,
      clock,
      randomId: pooledRandomId(),
      random: randomBytes,
    });
    const stop = async (): Promise<void> => {
      await Promise.all(underWay);
      stopping.abort();
      await following;
      await storage.close();
    };
    await eventually("the log is read", () => table.ageMs() < Infinity);
    return { ...core, sessionTtl, table, storage, stop };
  }
}
