/** Who comes to a service that wants scope `read`, and what becomes of them by RFC 6750 and the table of gRPC codes. */
import { Code } from "@connectrpc/connect";
import type { FakeKey } from "./fake-server.js";

export interface CallerCase {
  readonly who: string;
  readonly authorization: (key: FakeKey) => string | undefined;
  /** Whether the service's verifier knows anything yet. */
  readonly ready: boolean;
  readonly status: number;
  /** Of the gRPC status; undefined: accepted. */
  readonly code: Code | undefined;
  readonly reason: string | undefined;
  /** `WWW-Authenticate`. */
  readonly challenge: string | undefined;
}

const accepted = { ready: true, status: 200, code: undefined, reason: undefined, challenge: undefined };
const unknown = {
  ready: true,
  status: 401,
  code: Code.Unauthenticated,
  reason: "BEARER_INVALID",
  challenge: "Bearer",
};
const read = { scope: "catalog read" };

export const CALLERS: readonly CallerCase[] = [
  { who: "a live token", authorization: (key) => `Bearer ${key.token(read)}`, ...accepted },
  {
    who: "a live token, the scheme in other letters",
    authorization: (key) => `bEARER ${key.token(read)}`,
    ...accepted,
  },
  { who: "nobody", authorization: () => undefined, ...unknown },
  { who: "Basic credentials", authorization: () => "Basic YTpi", ...unknown },
  { who: "two tokens, joined by a comma", authorization: (key) => `Bearer ${key.token(read)},Bearer x`, ...unknown },
  {
    who: "a token for others",
    authorization: (key) => `Bearer ${key.token({ ...read, aud: "x" })}`,
    ...unknown,
    challenge: 'Bearer error="invalid_token"',
  },
  {
    who: "a token without the scope",
    authorization: (key) => `Bearer ${key.token()}`,
    ready: true,
    status: 403,
    code: Code.PermissionDenied,
    reason: "SCOPE_NOT_ALLOWED",
    challenge: 'Bearer error="insufficient_scope", scope="read"',
  },
  {
    who: "a live token while nothing is known",
    authorization: (key) => `Bearer ${key.token(read)}`,
    ready: false,
    status: 503,
    code: Code.Unavailable,
    reason: "STATE_UNAVAILABLE",
    challenge: undefined,
  },
];
