/**
 * Tells whether the token service has revoked a token. It follows icemint's stream of revocations. Another OAuth server
 * has none: its tokens then live until they expire.
 */
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import type { Pause, Random } from "../../client/backoff.js";
import type { Credential } from "../../client/credential.js";
import { TokenService } from "../../gen/icemint/v1/token_service_pb.js";
import type { Revocable } from "../../oauth/revocation.js";
import { RevocationTable } from "../../revocations/table.js";
import { MINUTE, type Clock } from "../../time/clock.js";
import { readGivenToken, revocableOf } from "../../tokens/token-verifier.js";
import { RevocationStream } from "../../verifier/revocation-stream.js";

export interface RevocationWatchOptions {
  readonly transport: Transport;
  readonly credential: Credential;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
  /** Called after revocations have come. */
  readonly onRevocations: () => void;
  /** `isWithout`: the server gives this client no stream, and is asked again only after minutes. */
  readonly onProblem: (error: unknown, isWithout: boolean) => void;
}

/** How a token is known: by its identity, never by a copy. */
export interface GivenToken {
  readonly accessToken: string;
}

/** An answer without the service may come from a proxy before it, in an outage. */
const ASK_AGAIN_MS = 5 * MINUTE;

export class RevocationWatch {
  readonly #with: RevocationWatchOptions;
  readonly #table: RevocationTable;
  readonly #known = new WeakMap<GivenToken, Revocable | "opaque">();
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #isNoticed = false;

  constructor(options: RevocationWatchOptions) {
    this.#with = options;
    this.#table = new RevocationTable(options);
    this.#running = this.#run();
  }

  isRevoked(token: GivenToken): boolean {
    let revocable = this.#known.get(token);
    if (revocable === undefined) {
      const read = readGivenToken(token.accessToken);
      revocable = read === undefined ? "opaque" : revocableOf(read);
      this.#known.set(token, revocable);
    }
    return revocable !== "opaque" && this.#table.covers(revocable);
  }

  /** The age of the view, in milliseconds. Infinity where there is none. */
  ageMs(): number {
    return this.#table.ageMs();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { transport, pause, random, onProblem } = this.#with;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const attempt = new AbortController();
      const end = (): void => attempt.abort();
      signal.addEventListener("abort", end);
      const stream = new RevocationStream({
        ...this.#with,
        client: createClient(TokenService, transport),
        table: {
          size: this.#table.size,
          apply: (logged) => this.#apply(logged),
          caughtUp: (at) => this.#table.caughtUp(at),
        },
        onCaughtUp: () => {},
        onProblem: (error) => {
          if (isWithoutStream(error)) attempt.abort();
          onProblem(error, isWithoutStream(error));
        },
      });
      await stream.run(attempt.signal);
      signal.removeEventListener("abort", end);
      await pause(ASK_AGAIN_MS * (1 + random()), { signal, ref: false }).catch(() => {}); // closed
    }
  }

  /** Revocations come in crowds: all of one crowd are noticed at once. */
  #apply(logged: Parameters<RevocationTable["apply"]>[0]): boolean {
    const isNew = this.#table.apply(logged);
    if (isNew && !this.#isNoticed) {
      this.#isNoticed = true;
      setImmediate(() => {
        this.#isNoticed = false;
        if (!this.#closing.signal.aborted) this.#with.onRevocations();
      });
    }
    return isNew;
  }
}

/** Another server has no such call, and the edge's client may lack the permission. */
function isWithoutStream(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Unimplemented || error.code === Code.PermissionDenied);
}
