/**
 * A ring of keys that are made elsewhere (files, Vault). It shows the keys that it gets, and keeps those whose
 * tokens live.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../time/clock.js";
import { KeysFixedError, unknownKey, type KeyOperations } from "./key-operations.js";
import type { KeyRing } from "./key-ring.js";
import type { RingKey } from "./ring-document.js";
import { createRingView, type RingView } from "./ring-view.js";
import { forgottenAt, inOrder, recognisedMs, revokeKey, type RotationPolicy } from "./rotation.js";
import type { PublicJwk, Signer } from "./signer.js";

/** A key that is made elsewhere. Instants in milliseconds. */
export interface OutsideKey {
  readonly publicJwk: PublicJwk;
  /** Undefined for a key that only verifies. */
  readonly signer: Signer | undefined;
  /** Absent: when it was first seen. */
  readonly publishedAt?: number;
  /** Infinity: it only verifies, for now. */
  readonly activatesAt: number;
  readonly retiresAt?: number;
}

export interface OutsideRingOptions {
  readonly policy: RotationPolicy;
  readonly clock: Clock;
  /** What to tell an operator who asks this server to change a key. */
  readonly howToChange: string;
}

/** The ring. Its MAC key is random: see `layerKeyRings` for one that replicas share. */
export class OutsideRing {
  readonly #options: OutsideRingOptions;
  readonly #view: RingView;
  readonly #macKey = randomBytes(32).toString("base64url");
  #signers: ReadonlyMap<string, Signer | undefined> = new Map();

  constructor(options: OutsideRingOptions) {
    this.#options = options;
    this.#view = createRingView({ ...options, signerOf: ({ kid }) => this.#signers.get(kid) });
  }

  /** Shows these keys from now on. Those that were there before and are not now retire: their tokens live on. */
  show(listed: readonly OutsideKey[]): void {
    const former = this.#view.document();
    const known = new Map(former?.keys.map((key) => [key.kid, key]));
    const keys = listed.map((key) => this.#ringKey(key, known.get(key.publicJwk.kid)));
    const now = this.#options.clock();
    const kids = new Set(keys.map(({ kid }) => kid));
    const absent = [...known.values()]
      .filter(({ kid }) => !kids.has(kid))
      .map((key) => ({ ...key, retiresAt: Math.min(key.retiresAt ?? now, now) }));
    this.#signers = new Map(listed.map(({ publicJwk, signer }) => [publicJwk.kid, signer]));
    this.#view.show({
      version: (former?.version ?? 0) + 1,
      macKey: this.#macKey,
      keys: inOrder([...absent, ...keys].filter((key) => now < forgottenAt(key))),
    });
  }

  /** The ring as others use it. */
  operations(): KeyRing & KeyOperations {
    const view = this.#view;
    return {
      signer: () => view.signer(),
      find: (kid) => view.find(kid),
      stateOf: (kid) => view.stateOf(kid),
      published: () => view.published(),
      macKey: () => view.macKey(),
      list: () => view.list(),
      rotate: async () => {
        throw new KeysFixedError(this.#options.howToChange);
      },
      revoke: async (kid) => this.#revoke(kid),
    };
  }

  /** On this replica alone: the revocation log, which the caller tells, is what reaches the others. */
  #revoke(kid: string): void {
    const document = this.#view.document();
    const state = this.#view.stateOf(kid);
    if (document === undefined || state === undefined) throw unknownKey();
    if (state === "active") throw new KeysFixedError(`This key signs. ${this.#options.howToChange} Then revoke it.`);
    this.#view.show({ ...document, keys: revokeKey(document.keys, kid, this.#options.clock()) });
  }

  #ringKey(key: OutsideKey, known: RingKey | undefined): RingKey {
    const { clock, policy } = this.#options;
    const { publicJwk, activatesAt, retiresAt } = key;
    return {
      kid: publicJwk.kid,
      algorithm: publicJwk.alg,
      publicJwk,
      publishedAt: key.publishedAt ?? known?.publishedAt ?? clock(),
      activatesAt,
      ...(retiresAt !== undefined && { retiresAt }),
      tokenTtlMs: policy.accessTtlMs,
      recognisedMs: recognisedMs(policy),
      ...(known?.revokedAt !== undefined && { revokedAt: known.revokedAt }),
    };
  }
}
