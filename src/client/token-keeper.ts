/**
 * Keeps one token live. It sends one request at a time, renews in the background from half of the token's life on, and
 * never returns an expired token. Knows neither HTTP nor credentials.
 */
import { SECOND } from "../time/clock.js";
import { backoffMs, type Pause, type Random } from "./backoff.js";
import type { IssuedToken } from "./token-endpoint.js";
import { TokenError } from "./token-error.js";

export interface TokenKeeperDependencies {
  /** One attempt. Rejects with a `TokenError`. */
  readonly request: (signal: AbortSignal) => Promise<IssuedToken>;
  readonly clock: () => number;
  readonly random: Random;
  readonly pause: Pause;
  /** The longest wait of a caller, in milliseconds. */
  readonly waitMs: number;
  /** Whether to renew a token that nobody has asked for since it came. */
  readonly renewUnused: boolean;
  /** The longest wait between attempts while there is no token, in milliseconds. Default: 30 s, as with one. */
  readonly longestBackoffMs?: number;
  /** Called for every failed attempt, in the background too. */
  readonly onFailure: (error: TokenError) => void;
}

/** A token this near its end may expire on its way. For a short life it is a tenth. */
const MARGIN_MS = 5 * SECOND;
const LONGEST_BACKOFF_MS = 30 * SECOND;
/** A service that rejects every token must not cause a token request for each call. */
const INVALIDATION_INTERVAL_MS = 10 * SECOND;

/** The instant from which on a token is not given out any more: it could expire on its way. */
export function usableUntil({ issuedAt, expiresAt }: IssuedToken): number {
  return expiresAt - Math.min(MARGIN_MS, (expiresAt - issuedAt) / 10);
}

interface Held {
  readonly token: IssuedToken;
  readonly renewAt: number;
  readonly usableUntil: number;
  wasUsed: boolean;
  isRenewing: boolean;
}

export class TokenKeeper {
  readonly #with: TokenKeeperDependencies;
  readonly #closing = new AbortController();
  #held: Held | undefined;
  #attempt: Promise<IssuedToken> | undefined;
  #fetching: Promise<IssuedToken> | undefined;
  #invalidatedAt = -Infinity;

  constructor(dependencies: TokenKeeperDependencies) {
    this.#with = dependencies;
  }

  /** A live token: at once if there is one. Rejects with a `TokenError`. */
  async get(): Promise<IssuedToken> {
    if (this.#closing.signal.aborted) throw closed();
    const held = this.#held;
    const now = this.#with.clock();
    if (held === undefined || now >= held.usableUntil) {
      this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
      return await this.#fetching;
    }
    held.wasUsed = true;
    if (now >= held.renewAt) void this.#renew(held);
    return held.token;
  }

  /**
   * Drops a token that a service has rejected. Returns whether the next one is another. At most one in ten seconds is
   * dropped.
   */
  invalidate(accessToken: string): boolean {
    if (this.#held?.token.accessToken !== accessToken) return true;
    const now = this.#with.clock();
    if (now < this.#invalidatedAt + INVALIDATION_INTERVAL_MS) return false;
    this.#invalidatedAt = now;
    this.#held = undefined;
    return true;
  }

  /** The live token, if there is one. Looking at it is no use of it. */
  get live(): IssuedToken | undefined {
    return this.#held !== undefined && this.#with.clock() < this.#held.usableUntil ? this.#held.token : undefined;
  }

  /** Drops a token that is known to be revoked. */
  drop(accessToken: string): void {
    if (this.#held?.token.accessToken === accessToken) this.#held = undefined;
  }

  /** Ends everything that is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#held = undefined;
    await Promise.allSettled([this.#attempt, this.#fetching]);
  }

  /** Retries for a caller until there is a token, the server refuses, or the time is up. */
  async #fetch(): Promise<IssuedToken> {
    const until = this.#with.clock() + this.#with.waitMs;
    for (let failures = 1; ; failures += 1) {
      try {
        const token = await this.#ask();
        if (this.#held?.token === token) this.#held.wasUsed = true;
        return token;
      } catch (error) {
        const failure = asTokenError(error);
        const wait = this.#backoff(failures, failure, this.#with.longestBackoffMs);
        if (failure.code !== "unavailable" || this.#with.clock() + wait > until) throw failure;
        await this.#pause(wait, true);
      }
    }
  }

  /** Retries while the token lives, even after a refusal: an operator may mend the client's record. Never rejects. */
  async #renew(held: Held): Promise<void> {
    if (held.isRenewing) return;
    held.isRenewing = true;
    for (let failures = 1; this.#held === held && this.#with.clock() < held.usableUntil; failures += 1) {
      try {
        await this.#ask();
      } catch (error) {
        const wait = this.#backoff(failures, asTokenError(error));
        await this.#pause(wait, false).catch(() => {}); // closed: nothing is held any more
      }
    }
  }

  /** Callers and renewal share one request. */
  #ask(): Promise<IssuedToken> {
    this.#attempt ??= this.#request().finally(() => (this.#attempt = undefined));
    return this.#attempt;
  }

  async #request(): Promise<IssuedToken> {
    const { signal } = this.#closing;
    try {
      const token = await this.#with.request(signal);
      if (signal.aborted) throw closed();
      this.#keep(token);
      return token;
    } catch (error) {
      if (signal.aborted) throw closed();
      const failure = asTokenError(error);
      this.#with.onFailure(failure);
      throw failure;
    }
  }

  #keep(token: IssuedToken): void {
    const { random, renewUnused } = this.#with;
    const life = token.expiresAt - token.issuedAt;
    const held: Held = {
      token,
      renewAt: token.issuedAt + life * (0.45 + random() / 10),
      usableUntil: usableUntil(token),
      wasUsed: renewUnused,
      isRenewing: false,
    };
    this.#held = held;
    void this.#renewWhenDue(held);
  }

  async #renewWhenDue(held: Held): Promise<void> {
    try {
      await this.#pause(held.renewAt - this.#with.clock(), false);
    } catch {
      return; // closed
    }
    if (held.wasUsed) await this.#renew(held);
  }

  #backoff(failures: number, { retryAfterMs }: TokenError, longestMs = LONGEST_BACKOFF_MS): number {
    return backoffMs(failures, { random: this.#with.random, longestMs, retryAfterMs });
  }

  async #pause(ms: number, ref: boolean): Promise<void> {
    const { signal } = this.#closing;
    try {
      await this.#with.pause(Math.max(0, ms), { signal, ref });
    } catch (error) {
      throw signal.aborted ? closed() : error;
    }
  }
}

function asTokenError(error: unknown): TokenError {
  if (error instanceof TokenError) return error;
  return new TokenError("unavailable", "the token could not be asked for", { cause: error });
}

function closed(): TokenError {
  return new TokenError("closed", "the token source is closed");
}
