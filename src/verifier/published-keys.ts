/**
 * The keys that icemint publishes, in memory. They are renewed before they are too old, and fetched when a token names
 * an unknown one. While the server is away the last ones stay: the revocation of a key comes by the stream.
 */
import { createPublicKey } from "node:crypto";
import { backoffMs, type Pause, type Random } from "../client/backoff.js";
import type { JsonWebKey } from "../gen/icemint/v1/token_service_pb.js";
import { publicJwk } from "../keys/jwks.js";
import type { VerifyingKey } from "../keys/key-ring.js";
import { SIGNING_ALGORITHMS } from "../keys/signer.js";
import { MINUTE, SECOND } from "../time/clock.js";
import { type VerificationKey, readJwks, selectKey } from "../jwt/jwk-set.js";

/** An answer of `GetKeys`. */
export interface FetchedKeys {
  readonly keys: readonly JsonWebKey[];
  readonly maxAgeMs: number;
}

export interface PublishedKeysDependencies {
  readonly fetchKeys: (signal: AbortSignal) => Promise<FetchedKeys>;
  readonly clock: () => number;
  readonly random: Random;
  readonly pause: Pause;
  readonly onProblem: (error: unknown) => void;
}

const MIN_AGE_MS = 30 * SECOND;
const MAX_AGE_MS = 60 * MINUTE;
const LONGEST_BACKOFF_MS = 30 * SECOND;
/** Anyone can send tokens with unknown keys: they cause one request in this time at most. */
const COOL_DOWN_MS = 5 * SECOND;
const LONGEST_KID = 128;

export class PublishedKeys {
  readonly #with: PublishedKeysDependencies;
  readonly #first = Promise.withResolvers<void>();
  #keys: ReadonlyMap<string, VerifyingKey> | undefined;
  #maxAgeMs = MIN_AGE_MS;
  #askedAt = -Infinity;
  #asking: Promise<boolean> | undefined;

  constructor(dependencies: PublishedKeysDependencies) {
    this.#with = dependencies;
  }

  /** Resolves after the first keys have come. */
  get loaded(): Promise<void> {
    return this.#first.promise;
  }

  get areLoaded(): boolean {
    return this.#keys !== undefined;
  }

  find(kid: string): VerifyingKey | undefined {
    return this.#keys?.get(kid);
  }

  /** A key that is not published any more is not accepted. */
  stateOf(kid: string): "active" | undefined {
    return this.#keys?.has(kid) === true ? "active" : undefined;
  }

  /** Renews the keys until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, pause } = this.#with;
    for (let failures = 0; !signal.aborted;) {
      failures = (await this.refresh(signal)) ? 0 : failures + 1;
      const wait =
        failures === 0
          ? this.#maxAgeMs * (0.8 + random() / 10)
          : backoffMs(failures, { random, longestMs: LONGEST_BACKOFF_MS });
      await pause(wait, { signal, ref: false }).catch(() => {}); // aborted: the loop ends
    }
  }

  /** Fetches the keys for a token that names an unknown one. Returns whether it is known now. */
  async learn(kid: string, signal: AbortSignal): Promise<boolean> {
    if (kid.length > LONGEST_KID || this.find(kid) !== undefined) return false;
    if (this.#asking === undefined && this.#with.clock() < this.#askedAt + COOL_DOWN_MS) return false;
    await this.refresh(signal);
    return this.find(kid) !== undefined;
  }

  /** One request at a time. Returns whether the keys came. Never rejects. */
  refresh(signal: AbortSignal): Promise<boolean> {
    this.#asking ??= this.#ask(signal).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    this.#askedAt = this.#with.clock();
    try {
      const { keys, maxAgeMs } = await this.#with.fetchKeys(signal);
      this.#keys = verifyingKeys(keys);
      this.#maxAgeMs = Math.min(Math.max(maxAgeMs, MIN_AGE_MS), MAX_AGE_MS);
      this.#first.resolve();
      return true;
    } catch (error) {
      if (!signal.aborted) this.#with.onProblem(error);
      return false;
    }
  }
}

function verifyingKeys(messages: readonly JsonWebKey[]): ReadonlyMap<string, VerifyingKey> {
  const keys = readJwks({ keys: messages.map(jwkOf) }, "sig") ?? [];
  return new Map(keys.flatMap((key) => verifyingKey(key) ?? []).map((key) => [key.kid, key]));
}

/** Protobuf writes absent members as empty strings. */
function jwkOf({ kty, kid, use, alg, crv, x, y, n, e }: JsonWebKey): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ kty, kid, use, alg, crv, x, y, n, e }).filter(([, value]) => value !== ""),
  );
}

/**
 * Undefined unless the key's id is its thumbprint (RFC 7638), as icemint's are. One id then never stands for two keys,
 * and the signature cache stays right while the key is published.
 */
function verifyingKey(key: VerificationKey): VerifyingKey | undefined {
  const algorithm = SIGNING_ALGORITHMS.find((known) => known === key.algorithm);
  if (algorithm === undefined || typeof selectKey([key], algorithm, key.kid) === "string") return undefined;
  try {
    const publicKey = createPublicKey({ key: { ...key.jwk }, format: "jwk" });
    const jwk = publicJwk(publicKey, algorithm);
    return jwk.kid === key.kid ? { kid: jwk.kid, algorithm, publicKey, jwk } : undefined;
  } catch {
    return undefined; // not a key, such as a point that is not on its curve
  }
}
