import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Revocation as RevocationMessage } from "../gen/icemint/v1/token_service_pb.js";
import { DAY } from "../time/clock.js";
import type { Revocation } from "../oauth/revocation.js";

/** A revocation without an end is kept so long. */
const LONGEST_MS = 30 * DAY;

/**
 * Reads a revocation of the stream. An unknown kind, of a later version, bars everything that began before it: to skip
 * it would let revoked tokens live.
 */
export function toRevocation(message: RevocationMessage, nowMs: number): Revocation {
  const { target } = message;
  const expiresAt = message.expireTime === undefined ? nowMs + LONGEST_MS : timestampMs(message.expireTime);
  const notBefore = message.notBeforeTime === undefined ? nowMs : timestampMs(message.notBeforeTime);
  switch (target.case) {
    case "session":
      return { kind: "session", sessionId: target.value, expiresAt };
    case "subject":
      return { kind: "subject", subject: target.value, notBefore, expiresAt };
    case "client":
      return { kind: "client", clientId: target.value, notBefore, expiresAt };
    case "clientPrefix":
      return { kind: "client_prefix", prefix: target.value, notBefore, expiresAt };
    case "key":
      return { kind: "key", kid: target.value, expiresAt };
    default:
      return { kind: "everything", notBefore, expiresAt };
  }
}
