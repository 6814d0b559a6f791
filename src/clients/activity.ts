/**
 * When clients and their secrets were last used, and why they were refused in the last hour: for operators. Each replica
 * notes it in memory and shares it every half minute. No request waits for it, and nothing is decided by it.
 */
import { isStateUnavailable } from "../oauth/error.js";
import type { ActivitySink } from "../oauth/events.js";
import type { Log } from "../oauth/log.js";
import { type Activity, MAX_USES, MAX_USES_AT_ONCE, type SharedActivity, type Uses } from "../storage/activity.js";
import { type Clock, SECOND } from "../time/clock.js";
import { type RefusalCounts, addRefusals, createHourTally } from "./hour-tally.js";
import { type ReplicaState, readReport, writeReport } from "./replica-report.js";

/** A kill loses what was noted since the last sharing. Promised: a minute. */
export const SHARE_EVERY_MS = 30 * SECOND;

/** What all replicas know. */
export interface KnownActivity {
  /** Since when uses are recorded, in milliseconds. Undefined while the store is away: then nothing is known. */
  readonly since: number | undefined;
  /** When a client last got a token. */
  lastToken(clientId: string): number | undefined;
  lastUse(clientId: string, secretName: string): number | undefined;
  /** Refusals of the last hour, by client ("" is none that exists) and reason. */
  readonly refusals: RefusalCounts;
  /** Ids of clients that got a token. */
  readonly clientIds: readonly string[];
  readonly replicas: readonly ReplicaState[];
}

export interface ClientActivityDependencies {
  readonly store: Activity;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process among the replicas. */
  readonly replica: string;
  /** What this replica is now. */
  readonly describe: () => Omit<ReplicaState, keyof LastHour | "saidAt">;
  /** Whether a client has the id: names that callers invent are not kept. */
  readonly isClient: (id: string) => boolean;
}

type LastHour = Pick<ReplicaState, "refusals" | "tokensLastHour">;

export class ClientActivity implements ActivitySink {
  readonly #needs: ClientActivityDependencies;
  readonly #tally: ReturnType<typeof createHourTally>;
  readonly #issued: ReturnType<typeof createHourTally>;
  /** Not shared yet. */
  #unshared = new Map<string, number>();

  constructor(needs: ClientActivityDependencies) {
    this.#needs = needs;
    this.#tally = createHourTally(needs.clock);
    this.#issued = createHourTally(needs.clock);
  }

  used(clientId: string, secretName: string | undefined, gotToken: boolean): void {
    const now = this.#needs.clock();
    if (gotToken) {
      this.#note(clientId, now);
      this.#issued.add("", "token");
    }
    if (secretName !== undefined) this.#note(`${clientId}\n${secretName}`, now);
  }

  refused(clientId: string | undefined, why: string): void {
    this.#tally.add(clientId !== undefined && this.#needs.isClient(clientId) ? clientId : "", why);
  }

  /** Tells the other replicas what was noted. What cannot be shared now is shared the next time. */
  async share(): Promise<void> {
    const { store, replica, describe } = this.#needs;
    const report = writeReport({ ...describe(), ...this.#lastHour() });
    do {
      const uses = new Map([...this.#unshared].slice(0, MAX_USES_AT_ONCE));
      for (const name of uses.keys()) this.#unshared.delete(name);
      try {
        await store.share({ replica, report, uses });
      } catch (error) {
        for (const [name, at] of uses) this.#note(name, Math.max(at, this.#unshared.get(name) ?? 0));
        throw error;
      }
    } while (this.#unshared.size > 0);
  }

  /** Shares until the returned function is called, which shares for the last time. */
  begin(): () => Promise<void> {
    const share = () =>
      this.share().catch((error: unknown) => {
        if (!isStateUnavailable(error)) this.#needs.log.fault("timer", error);
      });
    void share();
    const timer = setInterval(() => void share(), SHARE_EVERY_MS).unref();
    return async () => {
      clearInterval(timer);
      await share();
    };
  }

  async known(): Promise<KnownActivity> {
    const { store } = this.#needs;
    try {
      await this.share();
      return knownOf(await store.read());
    } catch (error) {
      if (!isStateUnavailable(error)) throw error;
      const alone = { ...this.#needs.describe(), ...this.#lastHour(), saidAt: this.#needs.clock() };
      return { ...viewOf(new Map(), [alone]), since: undefined };
    }
  }

  #lastHour(): LastHour {
    const tokensLastHour = this.#issued.lastHour().get("")?.get("token") ?? 0;
    return { refusals: this.#tally.lastHour(), tokensLastHour };
  }

  #note(name: string, at: number): void {
    if (this.#unshared.size < MAX_USES || this.#unshared.has(name)) this.#unshared.set(name, at);
  }
}

function knownOf({ since, uses, reports }: SharedActivity): KnownActivity {
  const replicas = [...reports.values()].flatMap(({ at, report }) => {
    const state = readReport(report);
    return state === undefined ? [] : [{ ...state, saidAt: at }];
  });
  return { ...viewOf(uses, replicas), since };
}

function viewOf(uses: Uses, replicas: readonly ReplicaState[]): Omit<KnownActivity, "since"> {
  const refusals = new Map<string, Map<string, number>>();
  for (const replica of replicas) addRefusals(refusals, replica.refusals);
  return {
    lastToken: (clientId) => uses.get(clientId),
    lastUse: (clientId, secretName) => uses.get(`${clientId}\n${secretName}`),
    refusals,
    clientIds: [...uses.keys()].filter((name) => !name.includes("\n")),
    replicas: replicas.toSorted((a, b) => a.name.localeCompare(b.name) || a.startedAt - b.startedAt),
  };
}
