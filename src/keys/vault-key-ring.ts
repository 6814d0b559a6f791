/**
 * Keys that never leave Vault: each version of a transit key is a key here. Vault rotates. Every replica reads the
 * versions and their times: all change keys at the same instant and share nothing else.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { MINUTE, SECOND, type Clock } from "../time/clock.js";
import type { OutsideKeyRing } from "./file-key-ring.js";
import { publicJwk } from "./jwks.js";
import type { Log } from "../oauth/log.js";
import { oneAtATime } from "./one-at-a-time.js";
import { OutsideRing, type OutsideKey } from "./outside-ring.js";
import type { RotationPolicy } from "./rotation.js";
import type { SigningAlgorithm } from "./signer.js";
import type { TransitKey, VaultTransit } from "./vault-transit.js";

const HOW_TO_CHANGE = "Keys come from Vault: rotate the transit key there.";

/** Algorithms by Vault's types of key; RSA leaves a choice. */
const ALGORITHMS: Readonly<Record<string, readonly [SigningAlgorithm, ...SigningAlgorithm[]]>> = {
  "ecdsa-p256": ["ES256"],
  "ecdsa-p384": ["ES384"],
  ed25519: ["EdDSA"],
  "rsa-2048": ["RS256", "PS256"],
  "rsa-3072": ["RS256", "PS256"],
  "rsa-4096": ["RS256", "PS256"],
};

export interface VaultKeyRingOptions {
  readonly transit: VaultTransit;
  /** What an RSA key signs with; of a curve only one algorithm is possible. */
  readonly algorithm: SigningAlgorithm;
  readonly policy: RotationPolicy;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Reads the versions of the transit key. A version signs `publish_ahead` after it was created (the oldest at once).
 * Throws if Vault is away or the key cannot sign JWTs.
 */
export async function createVaultKeyRing(options: VaultKeyRingOptions): Promise<OutsideKeyRing> {
  const { transit, algorithm, policy, clock, log } = options;
  const ring = new OutsideRing({ clock, policy, howToChange: HOW_TO_CHANGE });
  const inTurn = oneAtATime();
  let trouble = false;
  let timer: NodeJS.Timeout | undefined;

  const load = async (): Promise<void> => {
    const { type, keys } = await transit.describe();
    ring.show(outsideKeys(keys, algorithmOf(type, algorithm), options));
  };
  const refresh = (): Promise<void> =>
    inTurn(async () => {
      try {
        await load();
        trouble = false;
      } catch (error) {
        if (!trouble) log.warn("cannot read the keys in Vault: going on as they were", { err: error });
        trouble = true;
      }
    });
  const close = async (): Promise<void> => clearInterval(timer);

  await load();
  return {
    ...ring.operations(),
    refresh,
    start() {
      timer = setInterval(() => void refresh(), pollMs(policy));
      timer.unref();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Often enough that a new version is in the JWKS of every replica long before it signs. */
function pollMs(policy: RotationPolicy): number {
  return Math.max(SECOND, Math.min(MINUTE, policy.publishAheadMs / 8));
}

function algorithmOf(type: string, preferred: SigningAlgorithm): SigningAlgorithm {
  const possible = ALGORITHMS[type];
  if (possible === undefined) {
    throw new Error(
      `keys.vault: a transit key of type ${type} cannot sign; use one of ${Object.keys(ALGORITHMS).join(", ")}`,
    );
  }
  return possible.find((algorithm) => algorithm === preferred) ?? possible[0];
}

function outsideKeys(
  versions: readonly TransitKey[],
  algorithm: SigningAlgorithm,
  { transit, policy }: VaultKeyRingOptions,
): readonly OutsideKey[] {
  const activations = versions.map(({ createdAt }, index) => createdAt + (index === 0 ? 0 : policy.publishAheadMs));
  return versions.map(({ version, createdAt, publicKey }, index) => {
    const jwk = publicJwk(readPublicKey(publicKey), algorithm);
    const retiresAt = activations[index + 1];
    return {
      publicJwk: jwk,
      publishedAt: createdAt,
      activatesAt: activations[index] ?? createdAt,
      ...(retiresAt !== undefined && { retiresAt }),
      signer: { kid: jwk.kid, algorithm, sign: (input) => transit.sign(version, algorithm, input) },
    };
  });
}

/** Vault writes PEM, but for Ed25519 the bare 32 bytes. */
function readPublicKey(text: string): KeyObject {
  if (text.includes("-----BEGIN")) return createPublicKey(text);
  const x = Buffer.from(text, "base64").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}
