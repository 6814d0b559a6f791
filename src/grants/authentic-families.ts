/**
 * Refresh families with their MACs checked: the grants read only families that icemint wrote. Generation, marks and
 * times change inside the store, so no MAC covers them. A change of them does no more than a store that lost writes.
 */
import { hash } from "node:crypto";
import { isSameDigest } from "../crypto/constant-time.js";
import type {
  NewFamily,
  RefreshFamilies,
  Rotation,
  RotationRequest,
  StoredFamily,
} from "../storage/refresh-families.js";
import type { StoreMac } from "../crypto/store-mac.js";

/** As `RefreshFamilies`, which states the guarantees. */
export interface Families {
  create(family: Omit<NewFamily, "mac">): Promise<void>;
  rotate(request: RotationRequest): Promise<Rotation>;
  /** Undefined for a family that is not authentic. */
  find(familyId: string): Promise<StoredFamily | undefined>;
  /**
   * The stored family, authentic or not. One that is not authentic may only end the session that it names. It lets a
   * refresh token of a release without MACs be revoked.
   */
  findToEnd(familyId: string): Promise<{ readonly family: StoredFamily; readonly authentic: boolean } | undefined>;
  revoke(familyId: string): Promise<void>;
}

/**
 * A reuse counts even if its family is not authentic: it ends the session that is named, until `lastSessionEnd` at most. `onTampered` is called for each family that is not authentic.
 */
export function authenticFamilies(needs: {
  readonly families: RefreshFamilies;
  readonly mac: StoreMac;
  readonly lastSessionEnd: () => number;
  readonly onTampered: () => void;
}): Families {
  const { families, mac, lastSessionEnd, onTampered } = needs;

  /** The digest of the grant stands before the MAC: a tombstone has no grant, and its MAC is checked too. */
  const macOf = ({ id, clientId, sessionId, endsAt }: Omit<NewFamily, "mac" | "grant">, grantDigest: string): string =>
    `${grantDigest}.${mac([id, clientId, sessionId, endsAt, grantDigest])}`;

  function isAuthentic(family: NewFamily, live: boolean): boolean {
    const grantDigest = live ? digestOf(family.grant) : family.mac.slice(0, DIGEST_LENGTH);
    return isSameDigest(family.mac, macOf(family, grantDigest));
  }

  async function findToEnd(id: string): ReturnType<Families["findToEnd"]> {
    const family = await families.find(id);
    if (family === undefined) return undefined;
    const authentic = family !== "tampered" && isAuthentic(family, family.live);
    if (!authentic) onTampered();
    return family === "tampered" || !(authentic || SESSION_ID.test(family.sessionId))
      ? undefined
      : { family, authentic };
  }

  return {
    create: (family) => families.create({ ...family, mac: macOf(family, digestOf(family.grant)) }),
    async rotate(request) {
      const rotation = await families.rotate(request);
      if (rotation.outcome === "absent") return rotation;
      const live = rotation.outcome !== "reused";
      if (rotation.outcome !== "tampered" && isAuthentic(rotation.family, live)) return rotation;
      onTampered();
      if (rotation.outcome !== "reused" || !SESSION_ID.test(rotation.family.sessionId)) return { outcome: "tampered" };
      const endsAt = Math.min(rotation.family.endsAt, lastSessionEnd());
      return { ...rotation, family: { ...rotation.family, endsAt } };
    },
    async find(id) {
      const found = await findToEnd(id);
      return found?.authentic === true ? found.family : undefined;
    },
    findToEnd,
    revoke: (id) => families.revoke(id),
  };
}

const SESSION_ID = /^[A-Za-z0-9_-]{22}$/;

/** Of a SHA-256 digest in base64url. */
const DIGEST_LENGTH = 43;

function digestOf(grant: string): string {
  return hash("sha256", grant, "base64url");
}
