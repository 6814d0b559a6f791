/**
 * Users' exchanges. They go to the token service with the edge's credential, and what came is kept: the same exchange
 * is answered from memory, in an outage too. Other grants go through without being kept.
 */
import { backoffMs, type Pause, type Random } from "../../client/backoff.js";
import { TokenError } from "../../client/token-error.js";
import { usableUntil } from "../../client/token-keeper.js";
import { SECOND, type Clock } from "../../time/clock.js";
import { Bounded } from "./bounded.js";
import { digestOf } from "./digest.js";
import type { TokenAnswer } from "./exchange-request.js";
import { expiryOf } from "./jwt-expiry.js";
import type { GivenToken } from "./revocation-watch.js";
import { HOLD_MS, held } from "./hold.js";
import { isSameSet, wordsOf } from "./token-lines.js";

export interface ExchangesDependencies {
  /** One attempt with the edge's credential. Rejects with a `TokenError`. */
  readonly request: (form: URLSearchParams, signal: AbortSignal) => Promise<TokenAnswer>;
  readonly isRevoked: (token: GivenToken) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
}

/** What an engine sent. */
export interface AskedExchange {
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

interface Kept {
  readonly answer: TokenAnswer;
  readonly until: number;
  renewAt: number;
}

/** At 2 KB each, 2 MB. */
const MAX_KEPT = 1000;
const MAX_GIVEN = 1000;
/** How long a refresh waits where a live token can be had without the server: Java has one thread for all of them. */
const SHORT_HOLD_MS = 2 * SECOND;
/** After a failed renewal. */
const RENEW_AGAIN_MS = 30 * SECOND;
const LONGEST_BACKOFF_MS = 1.5 * SECOND;
export class Exchanges {
  readonly #with: ExchangesDependencies;
  readonly #closing = new AbortController();
  readonly #kept = new Bounded<string, Kept>(MAX_KEPT);
  readonly #asking = new Map<string, Promise<TokenAnswer>>();
  /** Tokens that were given out, by digest. */
  readonly #given = new Bounded<string, TokenAnswer>(MAX_GIVEN);

  constructor(dependencies: ExchangesDependencies) {
    this.#with = dependencies;
  }

  get kept(): number {
    return this.#kept.size;
  }

  /** Whether an engine got this very token from here. */
  hasGiven(accessToken: string): boolean {
    return this.#given.get(digestOf(accessToken)) !== undefined;
  }

  /** An exchange. Rejects with a `TokenError`. */
  async exchange(asked: AskedExchange): Promise<TokenAnswer> {
    const key = keyOf(asked);
    const kept = this.#live(key);
    if (kept === undefined) return await this.#fresh(key, asked);
    if (this.#with.clock() >= kept.renewAt) void this.#renew(key, kept, asked);
    return kept.answer;
  }

  /** Another grant. It may not be repeatable: there is one attempt. */
  async pass({ form }: AskedExchange): Promise<TokenAnswer> {
    return await this.#with.request(form, this.#closing.signal);
  }

  dropRevoked(): void {
    for (const [key, { answer }] of this.#kept) if (this.#with.isRevoked(answer.token)) this.#kept.delete(key);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#asking.values());
  }

  #live(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (this.#with.clock() < kept.until && !this.#with.isRevoked(kept.answer.token)) return kept;
    this.#kept.delete(key);
    return undefined;
  }

  async #fresh(key: string, asked: AskedExchange): Promise<TokenAnswer> {
    const hasOwn = this.#ownOf(asked.form) !== undefined;
    const fresh = this.#askOnce(key, asked, HOLD_MS);
    try {
      return await held(fresh, hasOwn ? SHORT_HOLD_MS : HOLD_MS, this.#with.pause);
    } catch (error) {
      const own = error instanceof TokenError && error.code === "unavailable" ? this.#ownOf(asked.form) : undefined;
      if (own === undefined) throw error;
      return own;
    }
  }

  /** Never rejects. */
  async #renew(key: string, kept: Kept, asked: AskedExchange): Promise<void> {
    kept.renewAt = this.#with.clock() + RENEW_AGAIN_MS;
    await this.#askOnce(key, asked, 0).catch(() => {}); // the kept one lives on
  }

  /** Equal exchanges share one request. */
  #askOnce(key: string, asked: AskedExchange, waitMs: number): Promise<TokenAnswer> {
    const asking = this.#asking.get(key) ?? this.#ask(key, asked, waitMs).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  /** Tries until there is an answer, the server refuses, or the time is up. */
  async #ask(key: string, { form }: AskedExchange, waitMs: number): Promise<TokenAnswer> {
    const { clock, random, pause, request } = this.#with;
    const { signal } = this.#closing;
    const until = clock() + waitMs;
    for (let failures = 1; ; failures += 1) {
      try {
        const answer = await request(form, signal);
        this.#keep(key, form, answer);
        return answer;
      } catch (error) {
        if (!(error instanceof TokenError) || error.code !== "unavailable") throw error;
        const wait = backoffMs(failures, { random, longestMs: LONGEST_BACKOFF_MS, retryAfterMs: error.retryAfterMs });
        if (signal.aborted || clock() + wait > until) throw error;
        await pause(wait, { signal, ref: true }).catch(() => {}); // closed: the next attempt fails
      }
    }
  }

  /** An answer with a refresh token is for one caller. One for an opaque token has no known end. */
  #keep(key: string, form: URLSearchParams, answer: TokenAnswer): void {
    const { token, members } = answer;
    this.#given.set(digestOf(token.accessToken), answer);
    const ends = ["subject_token", "actor_token"]
      .map((name) => form.get(name))
      .filter((one) => one !== null)
      .map(expiryOf);
    if (members["refresh_token"] !== undefined || ends.includes(undefined)) return;
    const until = Math.min(usableUntil(token), ...ends.map((end) => end ?? 0));
    if (until <= this.#with.clock()) return;
    const renewAt = token.issuedAt + (token.expiresAt - token.issuedAt) * (0.45 + this.#with.random() / 10);
    this.#kept.set(key, { answer, until, renewAt });
  }

  /**
   * In an outage, a refresh of a live token that came from here is answered with that token: it is better than none,
   * and `expires_in` says what is left.
   */
  #ownOf(form: URLSearchParams): TokenAnswer | undefined {
    if (form.has("actor_token")) return undefined;
    const given = this.#given.get(digestOf(form.get("subject_token") ?? ""));
    if (given === undefined || this.#with.clock() >= usableUntil(given.token)) return undefined;
    const scope = wordsOf(form.get("scope"));
    const asksForAnother =
      form.has("audience") ||
      form.has("resource") ||
      (scope.length > 0 && !isSameSet(scope, wordsOf(given.token.scope)));
    return asksForAnother || this.#with.isRevoked(given.token) ? undefined : given;
  }
}

/** All parameters, whatever their order, and the caller's `Authorization`. */
function keyOf({ form, authorization }: AskedExchange): string {
  return digestOf(JSON.stringify([Array.from(form, (pair) => JSON.stringify(pair)).toSorted(), authorization ?? null]));
}
