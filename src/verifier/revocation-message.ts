import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Revocation as RevocationMessage } from "../gen/icemint/v1/token_service_pb.js";
import { DAY, toSeconds } from "../time/clock.js";
import type { Revocation } from "../oauth/revocation.js";

/** How long a revocation is kept that does not say when it ends. */
const LONGEST = 30 * DAY;

/**
 * Reads a revocation of the stream. One of a kind that this version does not know bars whatever it could mean,
 * everything begun up to then: to pass over it would let revoked tokens live.
 */
export function toRevocation(message: RevocationMessage, now: number): Revocation {
  const { target } = message;
  const expiresAt = toSeconds(message.expireTime === undefined ? now + LONGEST : timestampMs(message.expireTime));
  const notBefore = toSeconds(message.notBeforeTime === undefined ? now : timestampMs(message.notBeforeTime));
  switch (target.case) {
    case "session":
      return { kind: "session", sessionId: target.value, expiresAt };
    case "subject":
      return { kind: "subject", subject: target.value, notBefore, expiresAt };
    case "client":
      return { kind: "client", clientId: target.value, notBefore, expiresAt };
    case "key":
      return { kind: "key", kid: target.value, expiresAt };
    default:
      return { kind: "everything", notBefore, expiresAt };
  }
}
