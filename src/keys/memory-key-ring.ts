/** A ring that lives and dies with this process. Its keys rotate by the same rule as shared ones. */
import type { Clock } from "../time/clock.js";
import { generateSigningKeySync } from "./key-pair.js";
import type { KeyInfo, KeyOperations } from "./key-operations.js";
import type { KeyRing } from "./key-ring.js";
import { oneAtATime } from "./one-at-a-time.js";
import { advanceRing, emptyRing, publishKey, revocationOf, ringKey, type RingChange } from "./ring-changes.js";
import type { RingDocument } from "./ring-document.js";
import { createRingView, keyInfo, type RingView } from "./ring-view.js";
import { addKey, newKeyTimesAfter, newestKey, nextRing, type RotationPolicy, type RotationRule } from "./rotation.js";
import { stateUnavailable } from "../oauth/error.js";
import type { SigningAlgorithm } from "./signer.js";

/**
 * Begins with one key that signs at once. The ring looks at the clock when it is used: it needs no timer, and nothing ends it.
 * A key that fell due unnoticed is published at the next use, and signs `publishAheadMs` later.
 */
export function createMemoryKeyRing(options: {
  readonly algorithm: SigningAlgorithm;
  readonly policy: RotationPolicy;
  readonly clock: Clock;
}): KeyRing & KeyOperations {
  const { algorithm, policy, clock } = options;
  const view = createRingView({ clock, policy });
  view.show(firstRing(algorithm, policy, clock()));
  const ring = new MemoryRing(view, { ...policy, algorithm }, clock);
  return {
    signer: () => ring.fresh().signer(),
    find: (kid) => view.find(kid),
    stateOf: (kid) => ring.fresh().stateOf(kid),
    published: () => ring.fresh().published(),
    macKey: () => view.macKey(),
    list: () => ring.fresh().list(),
    rotate: () => ring.rotate(),
    revoke: async (kid) => {
      await ring.change(revocationOf(kid));
    },
  };
}

function firstRing(algorithm: SigningAlgorithm, policy: RotationPolicy, now: number): RingDocument {
  const key = ringKey(generateSigningKeySync(algorithm), algorithm, newKeyTimesAfter(undefined, policy, now));
  return { ...emptyRing(), version: 1, keys: addKey([], key) };
}

class MemoryRing {
  readonly #view: RingView;
  readonly #rule: RotationRule;
  readonly #clock: Clock;
  readonly #inTurn = oneAtATime();
  #lookAgainAt = 0;

  constructor(view: RingView, rule: RotationRule, clock: Clock) {
    this.#view = view;
    this.#rule = rule;
    this.#clock = clock;
  }

  /** The view, after starting whatever time has made due. */
  fresh(): RingView {
    if (this.#clock() >= this.#lookAgainAt) {
      this.#lookAgainAt = Infinity;
      // Nobody waits for it: the signing key signs on, however overdue.
      void this.change(advanceRing).catch(() => undefined);
    }
    return this.#view;
  }

  async rotate(): Promise<KeyInfo> {
    const newest = newestKey((await this.change(publishKey)).keys);
    if (newest === undefined) throw stateUnavailable();
    return keyInfo(newest, this.#clock());
  }

  change(change: RingChange): Promise<RingDocument> {
    return this.#inTurn(async () => {
      const present = this.#view.document() ?? emptyRing();
      try {
        const next = await change(present, this.#rule, this.#clock());
        if (next !== present) this.#view.show(next);
        return next;
      } finally {
        const { keys } = this.#view.document() ?? present;
        this.#lookAgainAt = nextRing(keys, this.#rule, this.#clock()).lookAgainAt;
      }
    });
  }
}
