/**
 * The families as the grants see them: what decides anything was written by icemint, or it does not count. Generation,
 * marks and times change inside the store, so no MAC can cover them: changing them does what a store that lost writes
 * does.
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
import { SECOND } from "../time/clock.js";
import type { StoreMac } from "../crypto/store-mac.js";

/** What the grants use. As `RefreshFamilies`, which says more. */
export interface Families {
  create(family: Omit<NewFamily, "mac">): Promise<void>;
  rotate(request: RotationRequest): Promise<Rotation>;
  /** Undefined also for a family that icemint did not write as it is. */
  find(familyId: string): Promise<StoredFamily | undefined>;
  /**
   * What the store says of a family, also if icemint did not write it as it is: enough to end the session that it
   * names, and for nothing else. A refresh token of a release without MACs can be revoked so.
   */
  findToEnd(familyId: string): Promise<{ readonly family: StoredFamily; readonly authentic: boolean } | undefined>;
  revoke(familyId: string): Promise<void>;
}

/**
 * Authenticates the families of a store. A reuse is answered as one in any case: it ends the session that is named, no
 * longer than `lastSessionEnd` (seconds). `onTampered` is told of each that icemint did not write as it is.
 */
export function authenticFamilies(needs: {
  readonly families: RefreshFamilies;
  readonly mac: StoreMac;
  readonly lastSessionEnd: () => number;
  readonly onTampered: () => void;
}): Families {
  const { families, mac, lastSessionEnd, onTampered } = needs;

  /** The digest of the grant goes before the MAC: a tombstone has no grant, and must be believed too. */
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
      const endsAt = Math.min(rotation.family.endsAt, lastSessionEnd() * SECOND);
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
