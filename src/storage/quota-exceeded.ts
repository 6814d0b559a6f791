import { OAuthError } from "../oauth/error.js";
import { REVOCATION_QUOTA } from "./revocation-log.js";

/** The refusal of a revocation whose owner has too many in force already. */
export function quotaExceeded(): OAuthError {
  return new OAuthError(
    "slow_down",
    "QUOTA_EXCEEDED",
    `This client has ${REVOCATION_QUOTA} revocations in force. Revoke the whole client, or wait until some end.`,
    { retryAfterSeconds: 60 },
  );
}
