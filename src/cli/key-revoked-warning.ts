/**
 * Verifiers that cache keys get over one revocation, but not over a second one soon after it. They have just asked for an
 * unknown key and do not ask again (docs/keys.md, "A key is compromised").
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { KeyState, type SigningKey } from "../gen/icemint/v1/key_service_pb.js";

/** The slowest of the verifiers that we know, Quarkus OIDC with its defaults, asks this often for an unknown key. */
const ASKS_EVERY_MS = 10 * 60 * 1000;

/**
 * What to say after `kid` was revoked; undefined if there is nothing to say. It goes by the server's times alone. A key
 * that was not signing counts for nothing: no verifier met an unknown key for it.
 */
export function warningAfter(kid: string, keys: readonly SigningKey[]): string | undefined {
  const revoked = keys.find((key) => key.kid === kid);
  const revokedAt = revoked && stoppedBy(revoked);
  if (revokedAt === undefined) return undefined;
  const before = keys
    .filter((key) => key.kid !== kid)
    .flatMap((key) => stoppedBy(key) ?? [])
    .filter((at) => at <= revokedAt && revokedAt - at < ASKS_EVERY_MS);
  if (before.length === 0) return undefined;
  const latest = Math.max(...before);
  const minutes = Math.round((revokedAt - latest) / 60_000);
  const until = new Date(latest + ASKS_EVERY_MS).toISOString().replace(/\.\d+Z$/, "Z");
  return (
    `another key was revoked ${minutes === 0 ? "less than a minute" : `${minutes} min`} before. Verifiers that ask ` +
    `rarely for an unknown key refuse tokens of the new key meanwhile, and accept those of this one: most for 30 s, ` +
    `Quarkus OIDC (Polaris, Nessie) as it comes until ${until}. A restart of the catalog helps at once.`
  );
}

/** When the revocation of a signing key stopped it; undefined if it is not revoked or did not sign. */
function stoppedBy({ state, activateTime, retireTime }: SigningKey): number | undefined {
  if (state !== KeyState.REVOKED || activateTime === undefined || retireTime === undefined) return undefined;
  const stoppedAt = timestampMs(retireTime);
  return timestampMs(activateTime) <= stoppedAt ? stoppedAt : undefined;
}
