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
import type { StoreMac } from "../crypto/store-mac.js";

/** What the grants use. As `RefreshFamilies`, which says more. */
export interface Families {
  create(family: Omit<NewFamily, "mac">): Promise<void>;
  rotate(request: RotationRequest): Promise<Rotation>;
  /** Undefined also for a family that icemint did not write as it is. */
  find(familyId: string): Promise<StoredFamily | undefined>;
  revoke(familyId: string): Promise<void>;
}

/** Authenticates the families of a store. `onTampered` is told of each that icemint did not write as it is. */
export function authenticFamilies(needs: {
  readonly families: RefreshFamilies;
  readonly mac: StoreMac;
  readonly onTampered: () => void;
}): Families {
  const { families, mac, onTampered } = needs;

  /** The digest of the grant goes before the MAC: a tombstone has no grant, and must be believed too. */
  const macOf = ({ id, clientId, sessionId, endsAt }: Omit<NewFamily, "mac" | "grant">, grantDigest: string): string =>
    `${grantDigest}.${mac([id, clientId, sessionId, endsAt, grantDigest])}`;

  function isAuthentic(family: NewFamily, live: boolean): boolean {
    const grantDigest = live ? digestOf(family.grant) : family.mac.slice(0, DIGEST_LENGTH);
    return isSameDigest(family.mac, macOf(family, grantDigest));
  }

  return {
    create: (family) => families.create({ ...family, mac: macOf(family, digestOf(family.grant)) }),
    async rotate(request) {
      const rotation = await families.rotate(request);
      if (rotation.outcome === "absent") return rotation;
      const live = rotation.outcome !== "reused";
      if (rotation.outcome !== "tampered" && isAuthentic(rotation.family, live)) return rotation;
      onTampered();
      return { outcome: "tampered" };
    },
    async find(id) {
      const found = await families.find(id);
      if (found === undefined || (found !== "tampered" && isAuthentic(found, found.live))) return found;
      onTampered();
      return undefined;
    },
    revoke: (id) => families.revoke(id),
  };
}

/** Of a SHA-256 digest in base64url. */
const DIGEST_LENGTH = 43;

function digestOf(grant: string): string {
  return hash("sha256", grant, "base64url");
}
