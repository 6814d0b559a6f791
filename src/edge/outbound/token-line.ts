/**
 * One token that the edge keeps, for an entry of the settings or for a combination of parameters that an engine asked
 * for. It never gives out an expired or a revoked token.
 */
import { backoffMs, type Pause, type Random } from "../../client/backoff.js";
import type { IssuedToken } from "../../client/token-endpoint.js";
import { TokenError } from "../../client/token-error.js";
import { TokenKeeper, usableUntil } from "../../client/token-keeper.js";
import { SECOND, type Clock } from "../../time/clock.js";
import { digestOf } from "./digest.js";
import { HOLD_MS, held } from "./hold.js";

export interface TokenLineDependencies {
  /** One attempt. Rejects with a `TokenError`. */
  readonly request: (signal: AbortSignal) => Promise<IssuedToken>;
  readonly isRevoked: (token: IssuedToken) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
  /** Called for every new token. */
  readonly onToken: (token: IssuedToken) => void;
  /** Called when there is no live token any more, until the next one comes. */
  readonly onGone: () => void;
  readonly onFailure: (error: TokenError) => void;
}

/** After a refusal. */
const LONGEST_BACKOFF_MS = 30 * SECOND;
/** Engines wait: an outage of eight seconds ends within `HOLD_MS`. */
const LONGEST_WITHOUT_TOKEN_MS = 1.5 * SECOND;
/** At half-lives of half an hour, those of more than a day. */
const REMEMBERED_TOKENS = 64;

export class TokenLine {
  readonly #with: TokenLineDependencies;
  readonly #keeper: TokenKeeper;
  readonly #closing = new AbortController();
  readonly #given = new Set<string>();
  #running: Promise<void> | undefined;
  #wake = new AbortController();
  #failure: TokenError | undefined;

  constructor(dependencies: TokenLineDependencies, { isEntry }: { readonly isEntry: boolean }) {
    this.#with = dependencies;
    const { request, onToken, onFailure } = dependencies;
    this.#keeper = new TokenKeeper({
      ...dependencies,
      request: async (signal) => {
        const token = await request(signal);
        this.#failure = undefined;
        onToken(token);
        return token;
      },
      longestBackoffMs: LONGEST_WITHOUT_TOKEN_MS,
      waitMs: isEntry ? Infinity : HOLD_MS,
      renewUnused: isEntry,
      onFailure: (error) => {
        this.#failure = error;
        onFailure(error);
      },
    });
  }

  /** Keeps a token at all times, from now on. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** The failure of the last attempt. Undefined after one that succeeded. */
  get failure(): TokenError | undefined {
    return this.#failure;
  }

  get live(): IssuedToken | undefined {
    const token = this.#keeper.live;
    return token === undefined || this.#with.isRevoked(token) ? undefined : token;
  }

  /** A live token, after some seconds at most. Rejects with a `TokenError`. */
  async get(): Promise<IssuedToken> {
    let token = await this.#inTime(this.#keeper.get());
    if (this.#with.isRevoked(token)) {
      this.dropRevoked();
      token = await this.#inTime(this.#keeper.get());
      if (this.#with.isRevoked(token)) throw new TokenError("unavailable", "the token service gave a revoked token");
    }
    this.#remember(token);
    return token;
  }

  /** Whether an engine got this very token from here. */
  hasGiven(accessToken: string): boolean {
    return this.#given.has(digestOf(accessToken));
  }

  /** Fetches another token if the present one is revoked. */
  dropRevoked(): void {
    const token = this.#keeper.live;
    if (token === undefined || !this.#with.isRevoked(token)) return;
    this.#keeper.drop(token.accessToken);
    this.#wake.abort();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake.abort();
    await Promise.all([this.#keeper.close(), this.#running]);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { random } = this.#with;
    for (let failures = 0; !this.#closing.signal.aborted;) {
      try {
        const token = await this.#keeper.get();
        failures = 0;
        await this.#untilGone(token);
      } catch {
        failures += 1; // a refusal: an operator may mend the client's record
        await this.#pause(backoffMs(failures, { random, longestMs: LONGEST_BACKOFF_MS }), this.#closing.signal);
      }
    }
  }

  /** The keeper renews a live token. It needs to be asked again once the token is not usable or was dropped. */
  async #untilGone(token: IssuedToken): Promise<void> {
    const { clock, onGone } = this.#with;
    this.#wake = new AbortController();
    if (this.#closing.signal.aborted) return;
    await this.#pause(usableUntil(token) - clock(), this.#wake.signal);
    if (this.#keeper.live === undefined && !this.#closing.signal.aborted) onGone();
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.#with.pause(Math.max(0, ms), { signal, ref: false }).catch(() => {}); // woken
  }

  async #inTime<T>(promise: Promise<T>): Promise<T> {
    return await held(promise, HOLD_MS, this.#with.pause);
  }

  #remember({ accessToken }: IssuedToken): void {
    const digest = digestOf(accessToken);
    if (this.#given.has(digest)) return;
    this.#given.add(digest);
    const [oldest] = this.#given;
    if (this.#given.size > REMEMBERED_TOKENS && oldest !== undefined) this.#given.delete(oldest);
  }
}
