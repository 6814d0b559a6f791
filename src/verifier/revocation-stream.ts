/**
 * Follows the server's revocations into a table. It resumes after the end of a stream, starts over when the cursor is
 * gone, and drops a silent stream. The table knows the age of the view.
 */
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Client } from "@connectrpc/connect";
import { backoffMs, type Pause, type Random } from "../client/backoff.js";
import type { Credential } from "../client/credential.js";
import { RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type { TokenService, WatchRevocationsResponse } from "../gen/icemint/v1/token_service_pb.js";
import { SECOND } from "../time/clock.js";
import type { RevocationTable } from "../revocations/table.js";
import { toRevocation } from "./revocation-message.js";

export interface RevocationStreamDependencies {
  readonly client: Pick<Client<typeof TokenService>, "watchRevocations">;
  readonly credential: Credential;
  readonly table: Pick<RevocationTable, "apply" | "caughtUp" | "size">;
  readonly clock: () => number;
  readonly random: Random;
  readonly pause: Pause;
  readonly onProblem: (error: unknown) => void;
  /** Called each time that everything in force has been read. */
  readonly onCaughtUp: () => void;
}

const LONGEST_BACKOFF_MS = 30 * SECOND;
/** A stream that is silent for so long is dead: heartbeats come every 5 s. */
const SILENCE_MS = 16 * SECOND;
/** All streams of a replica end together when it restarts: they must not come back together. */
const SPREAD_MS = 1 * SECOND;
/** Some 500 MB. A server that sends more is broken. */
const MAX_REVOCATIONS = 10_000_000;

export class RevocationStream {
  readonly #with: RevocationStreamDependencies;
  readonly #first = Promise.withResolvers<void>();
  #cursor = "";
  #isCaughtUp = false;
  #heardAt = -Infinity;
  /** The last instant when the view was complete, as the server's heartbeat says. */
  #confirmedAt = -Infinity;

  constructor(dependencies: RevocationStreamDependencies) {
    this.#with = dependencies;
  }

  /** Resolves when everything in force has been read for the first time. */
  get caughtUp(): Promise<void> {
    return this.#first.promise;
  }

  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** Follows until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, pause, onProblem } = this.#with;
    for (let failures = 0; !signal.aborted;) {
      const { error, wasHeard } = await this.#follow(signal);
      if (signal.aborted) return;
      onProblem(error);
      failures = wasHeard ? 1 : failures + 1;
      const retryAfterMs = retryDelayMs(error);
      const wait = backoffMs(failures, { random, longestMs: LONGEST_BACKOFF_MS, retryAfterMs }) + random() * SPREAD_MS;
      await pause(this.#startsOver(error) ? 0 : wait, { signal, ref: false }).catch(() => {}); // aborted: the loop ends
    }
  }

  /** One stream, to its end. */
  async #follow(signal: AbortSignal): Promise<{ readonly error: unknown; readonly wasHeard: boolean }> {
    const { client, credential, clock } = this.#with;
    const attempt = new AbortController();
    const end = (): void => attempt.abort();
    signal.addEventListener("abort", end);
    this.#heardAt = clock();
    void this.#endWhenSilent(attempt);
    let wasHeard = false;
    try {
      const request = { cursor: this.#cursor, ...(await credential(attempt.signal)) };
      for await (const message of client.watchRevocations(request, { signal: attempt.signal })) {
        wasHeard = true;
        this.#heardAt = clock();
        this.#take(message);
      }
      return { error: new Error("the server ended the stream"), wasHeard };
    } catch (error) {
      return { error: attempt.signal.aborted ? attempt.signal.reason : error, wasHeard };
    } finally {
      signal.removeEventListener("abort", end);
      attempt.abort();
      this.#forgetUnconfirmed();
    }
  }

  /** A connection can die without an error. */
  async #endWhenSilent(attempt: AbortController): Promise<void> {
    const { clock, pause } = this.#with;
    const { signal } = attempt;
    while (!signal.aborted) {
      const rest = this.#heardAt + SILENCE_MS - clock();
      if (rest <= 0) attempt.abort(new Error(`nothing came for ${SILENCE_MS} ms`));
      else await pause(rest, { signal, ref: false }).catch(() => {}); // the stream has ended
    }
  }

  #take({ event, cursor }: WatchRevocationsResponse): void {
    const { table, clock, onCaughtUp } = this.#with;
    switch (event.case) {
      case "revocation":
        if (table.size >= MAX_REVOCATIONS) throw new Error(`more than ${MAX_REVOCATIONS} revocations are in force`);
        table.apply({ cursor, revocation: toRevocation(event.value, clock()) });
        break;
      case "caughtUp":
        this.#isCaughtUp = true;
        table.caughtUp(clock());
        this.#first.resolve();
        onCaughtUp();
        break;
      case "heartbeat":
        if (this.#isCaughtUp && event.value.viewAge) {
          this.#confirmedAt = Math.max(this.#confirmedAt, clock() - Math.max(0, durationMs(event.value.viewAge)));
          table.caughtUp(this.#confirmedAt);
        }
        break;
      default: // of a later version
    }
    // Empty while the snapshot is being sent, which cannot be resumed.
    if (cursor !== "") this.#cursor = cursor;
  }

  /**
   * `caught_up` does not give the age of the server's own view. The heartbeat a moment later does. Until then the view
   * counts as fresh, but not after a stream that ended before its first heartbeat.
   */
  #forgetUnconfirmed(): void {
    if (this.#confirmedAt > -Infinity) this.#with.table.caughtUp(this.#confirmedAt);
  }

  /** Whether the cursor is gone. The table keeps its revocations: each is in force until its own end. */
  #startsOver(error: unknown): boolean {
    if (this.#cursor === "" || !(error instanceof ConnectError) || error.code !== Code.OutOfRange) return false;
    this.#cursor = "";
    return true;
  }
}

function retryDelayMs(error: unknown): number | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const [info] = error.findDetails(RetryInfoSchema);
  return info?.retryDelay && Math.max(0, durationMs(info.retryDelay));
}
