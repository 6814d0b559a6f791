/** A ring document as the request path sees it: key objects and signers made once, look-ups in memory, times kept. */
import { createPublicKey } from "node:crypto";
import { stateUnavailable } from "../oauth/error.js";
import type { Clock } from "../time/clock.js";
import { createSigner, readPrivateJwk } from "./key-pair.js";
import type { KeyInfo } from "./key-operations.js";
import type { KeyRing, VerifyingKey } from "./key-ring.js";
import type { RingDocument, RingKey } from "./ring-document.js";
import { isPublished, jwksMaxAgeSeconds, keyState, nextChangeAt, signingKey, type RotationPolicy } from "./rotation.js";
import type { Signer } from "./signer.js";

/** A key with what it takes to use it. */
interface LiveKey {
  readonly key: RingKey;
  readonly verifying: VerifyingKey;
  readonly signer: Signer | undefined;
}

/** The view: a `KeyRing` whose document can be replaced whole. */
export interface RingView extends KeyRing {
  /** Shows another document from now on. Throws, and keeps the former, if one of its keys cannot be used. */
  show(document: RingDocument): void;
  /** The ring that is shown. Undefined before the first. */
  document(): RingDocument | undefined;
  list(): readonly KeyInfo[];
}

/** The view is empty at first. */
export function createRingView(options: {
  readonly clock: Clock;
  readonly policy: Pick<RotationPolicy, "publishAheadMs">;
  /** How a key signs; the default reads its private half. */
  readonly signerOf?: (key: RingKey) => Signer | undefined;
}): RingView {
  const { clock, signerOf = ownSigner } = options;
  const maxAgeSeconds = jwksMaxAgeSeconds(options.policy);
  let document: RingDocument | undefined;
  let live: ReadonlyMap<string, LiveKey> = new Map();
  let macKey: Buffer | undefined;
  let current: { readonly signer: Signer; readonly until: number } | undefined;

  const keysNow = (): readonly RingKey[] => document?.keys ?? [];
  const chooseSigner = (now: number): Signer => {
    const signer = signersByPreference(keysNow(), now)
      .map((key) => live.get(key.kid)?.signer)
      .find((candidate) => candidate !== undefined);
    if (signer === undefined) throw stateUnavailable(new Error("the key ring has no key that can sign"));
    current = { signer, until: nextChangeAt(keysNow(), now) };
    return signer;
  };
  return {
    show(next) {
      live = liveKeys(next, live, signerOf);
      macKey = Buffer.from(next.macKey, "base64url");
      document = next;
      current = undefined;
    },
    document: () => document,
    signer() {
      const now = clock();
      return current !== undefined && now < current.until ? current.signer : chooseSigner(now);
    },
    find: (kid) => live.get(kid)?.verifying,
    stateOf(kid) {
      const found = live.get(kid);
      return found && keyState(found.key, clock());
    },
    published() {
      const now = clock();
      return { keys: keysNow().flatMap((key) => (isPublished(key, now) ? [key.publicJwk] : [])), maxAgeSeconds };
    },
    macKey() {
      if (macKey === undefined) throw stateUnavailable(new Error("the key ring is not loaded"));
      return macKey;
    },
    list() {
      const now = clock();
      return keysNow().map((key) => keyInfo(key, now));
    },
  };
}

/** A key as an operator sees it at an instant. */
export function keyInfo(key: RingKey, now: number): KeyInfo {
  const stoppedAt = Math.min(key.retiresAt ?? Infinity, key.revokedAt ?? Infinity);
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    state: keyState(key, now),
    publishedAt: key.publishedAt,
    activatesAt: Number.isFinite(key.activatesAt) ? key.activatesAt : undefined,
    ...(stoppedAt <= now && { retiredAt: stoppedAt }),
  };
}

/**
 * The keys that can sign, best first: the active key; else one that waits (this clock may be behind the one that made
 * the ring); else the last that signed. A token that few verifiers know is better than none. A revoked key is never
 * among them.
 */
function signersByPreference(keys: readonly RingKey[], now: number): readonly RingKey[] {
  const active = signingKey(keys, now);
  const inState = (state: string): readonly RingKey[] => keys.filter((key) => keyState(key, now) === state);
  return [...(active === undefined ? [] : [active]), ...inState("published"), ...inState("retired").toReversed()];
}

function liveKeys(
  document: RingDocument,
  former: ReadonlyMap<string, LiveKey>,
  signerOf: (key: RingKey) => Signer | undefined,
): ReadonlyMap<string, LiveKey> {
  return new Map(
    document.keys.map((key) => {
      const known = former.get(key.kid);
      // Signers are kept: an RSA one counts its pending work, and parsing keys on every change is waste.
      const verifying = known?.verifying ?? verifyingKey(key);
      const signer = key.revokedAt === undefined ? (known?.signer ?? signerOf(key)) : undefined;
      return [key.kid, { key, verifying, signer }];
    }),
  );
}

function verifyingKey({ kid, algorithm, publicJwk }: RingKey): VerifyingKey {
  const publicKey = createPublicKey({ key: { ...publicJwk }, format: "jwk" });
  return { kid, algorithm, publicKey, jwk: publicJwk };
}

function ownSigner(key: RingKey): Signer | undefined {
  if (key.privateJwk === undefined) return undefined;
  return createSigner({ publicJwk: key.publicJwk, privateKey: readPrivateJwk(key.privateJwk) });
}
