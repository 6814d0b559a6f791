/** Why a request is refused, and what that is in HTTP and in gRPC. */
import type { ErrorReason } from "../../oauth/error.js";
import {
  ERROR_REASONS,
  type VerificationError,
  type VerificationErrorCode,
} from "../../verifier/verification-error.js";

/** A fault of the token; `path`: not in normal form, where there are rules; `alias`: see `isAlias`; `internal`: ours. */
export type RefusalFault = VerificationError["fault"] | "path" | "alias" | "internal";

export interface Refusal {
  /** For metrics and the log. The caller is not told more than `message`. */
  readonly fault: RefusalFault;
  readonly status: 400 | 401 | 403 | 500 | 503;
  /** The code that a gRPC caller gets (`google.rpc.Code`). */
  readonly grpcCode: number;
  readonly reason: ErrorReason;
  /** Of the body in Iceberg's form: Java's names of the same errors (Iceberg REST, `ErrorModel`). */
  readonly type: string;
  readonly message: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
}

type Kind = Pick<Refusal, "status" | "grpcCode" | "type">;

const BAD_REQUEST: Kind = { status: 400, grpcCode: 3, type: "BadRequestException" };
const INTERNAL: Kind = { status: 500, grpcCode: 13, type: "InternalServerError" };
const KINDS: Readonly<Record<VerificationErrorCode, Kind>> = {
  invalid_token: { status: 401, grpcCode: 16, type: "NotAuthorizedException" },
  insufficient_scope: { status: 403, grpcCode: 7, type: "ForbiddenException" },
  unavailable: { status: 503, grpcCode: 14, type: "ServiceUnavailableException" },
};

export const PATH_REFUSAL: Refusal = {
  ...BAD_REQUEST,
  fault: "path",
  reason: "REQUEST_MALFORMED",
  message: "The path is not in normal form.",
  headers: [],
};

export const ALIAS_REFUSAL: Refusal = {
  ...BAD_REQUEST,
  fault: "alias",
  reason: "REQUEST_MALFORMED",
  message: "A header field is named like one that the proxy sets.",
  headers: [],
};

export const INTERNAL_REFUSAL: Refusal = {
  ...INTERNAL,
  fault: "internal",
  reason: "INTERNAL",
  message: "The token could not be verified.",
  headers: [],
};

export function tokenRefusal({ code, fault, message }: VerificationError, scopes: readonly string[]): Refusal {
  return { ...KINDS[code], fault, reason: ERROR_REASONS[code], message, headers: headersOf(code, fault, scopes) };
}

/** RFC 6750 section 3: the answer to a request without a token names the scheme and no error. */
function headersOf(code: VerificationErrorCode, fault: RefusalFault, scopes: readonly string[]): Refusal["headers"] {
  if (code === "unavailable") return [["retry-after", "1"]];
  const scope = code === "insufficient_scope" ? `, scope="${scopes.join(" ")}"` : "";
  return [["www-authenticate", fault === "missing" ? "Bearer" : `Bearer error="${code}"${scope}`]];
}

/** The body for callers over HTTP. Iceberg's clients show its message to the user. */
export function refusalBody({ message, type, status }: Refusal): string {
  return JSON.stringify({ error: { message, type, code: status } });
}
