/** The `requestGate` of Connect services. It decides before a message is read. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextKey, type ContextKey, type HandlerContext } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type { AccessToken } from "../oauth/access-token.js";
import { bearerToken } from "./bearer.js";
import { ERROR_REASONS, VerificationError, type VerificationErrorCode } from "./verification-error.js";
import type { Requirements, Verifier } from "./verifier.js";

/** A handler gets the token by `context.values.get(verifiedTokenKey)`. */
export const verifiedTokenKey: ContextKey<AccessToken | undefined> = createContextKey<AccessToken | undefined>(
  undefined,
  {
    description: "icemint: the verified token",
  },
);

const CODES: Readonly<Record<VerificationErrorCode, Code>> = {
  invalid_token: Code.Unauthenticated,
  insufficient_scope: Code.PermissionDenied,
  unavailable: Code.Unavailable,
};

/** Use: `connectNodeAdapter({ requestGate: createRequestGate(verifier), … })`. */
export function createRequestGate(
  verifier: Pick<Verifier, "verify">,
  requirements: Requirements = {},
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    try {
      const field = context.requestHeader.get("authorization");
      const token = bearerToken(field === null ? [] : [field]);
      context.values.set(verifiedTokenKey, await verifier.verify(token, requirements));
    } catch (error) {
      throw error instanceof VerificationError ? toConnectError(error) : error;
    }
  };
}

function toConnectError(refusal: VerificationError): ConnectError {
  const error = new ConnectError(refusal.message, CODES[refusal.code], undefined, undefined, refusal);
  const info = create(ErrorInfoSchema, { reason: ERROR_REASONS[refusal.code], domain: "icemint" });
  error.details.push({ desc: ErrorInfoSchema, value: info });
  return error;
}
