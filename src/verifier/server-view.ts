/** A verifier's view of its server: the keys and the revocations. A loop updates each. */
import { durationMs } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import type { Pause, Random } from "../client/backoff.js";
import type { Credential } from "../client/credential.js";
import { within } from "../client/within.js";
import { TokenService } from "../gen/icemint/v1/token_service_pb.js";
import { SECOND } from "../time/clock.js";
import { RevocationTable } from "../revocations/table.js";
import { PublishedKeys } from "./published-keys.js";
import { RevocationStream } from "./revocation-stream.js";

export interface ServerViewOptions {
  readonly transport: Transport;
  readonly credential: Credential;
  readonly clock: () => number;
  readonly random: Random;
  readonly pause: Pause;
  readonly onProblem: (error: unknown) => void;
}

const KEYS_TIMEOUT_MS = 5 * SECOND;

export class ServerView {
  readonly keys: PublishedKeys;
  readonly revocations: RevocationTable;
  readonly #stream: RevocationStream;
  readonly #closing = new AbortController();
  readonly #running: Promise<unknown>;
  #problem: unknown;

  constructor({ transport, credential, ...options }: ServerViewOptions) {
    const client = createClient(TokenService, transport);
    const onProblem = (error: unknown): void => {
      this.#problem = error;
      options.onProblem(error);
    };
    const dependencies = { ...options, onProblem };
    this.revocations = new RevocationTable(options);
    this.keys = new PublishedKeys({
      ...dependencies,
      fetchKeys: async (signal) => {
        const { keys, maxAge } = await client.getKeys({}, { signal, timeoutMs: KEYS_TIMEOUT_MS });
        return { keys, maxAgeMs: maxAge === undefined ? 0 : durationMs(maxAge) };
      },
    });
    this.#stream = new RevocationStream({
      ...dependencies,
      client,
      credential,
      table: this.revocations,
      // A server that lost its state has other keys.
      onCaughtUp: () => void this.keys.refresh(this.signal),
    });
    this.#running = Promise.all([this.keys.run(this.signal), this.#stream.run(this.signal)]);
  }

  /** Aborted once the view is closed. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Whether keys and all revocations in force have come. */
  get isComplete(): boolean {
    return this.keys.areLoaded && this.#stream.isCaughtUp;
  }

  /** The last failure, if any. */
  get problem(): unknown {
    return this.#problem;
  }

  /** Resolves when the view is complete. Rejects after `timeoutMs`, and when it is closed. */
  async completed(timeoutMs: number): Promise<void> {
    await within(timeoutMs, this.signal, Promise.all([this.keys.loaded, this.#stream.caughtUp]));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }
}
