/**
 * The three endpoints that accept a form. Each reads, calls the core and shows its answer. None knows a rule of a
 * grant.
 */
import type { Introspection, IntrospectionEndpoint } from "../../endpoints/introspection.js";
import type { RevocationEndpoint } from "../../endpoints/revocation.js";
import type { TokenEndpoint } from "../../grants/token-endpoint.js";
import { toOAuthError } from "../../oauth/error.js";
import type { Admission, Steps } from "../admission.js";
import { errorResponse, type ErrorLinks } from "./errors.js";
import {
  SIGNED_INTROSPECTION,
  introspectionAnswer,
  revokedAnswer,
  toOneToken,
  toRevocation,
  tokenAnswer,
  toTokenRequest,
} from "./mapping.js";
import type { RestHandler, RestRequest, RestResponse } from "./rest-message.js";

export interface FormEndpointOptions {
  readonly tokenEndpoint: TokenEndpoint;
  readonly revocationEndpoint: RevocationEndpoint;
  readonly introspectionEndpoint: IntrospectionEndpoint;
  readonly admission: Admission;
  readonly links: ErrorLinks;
}

export interface FormEndpoints {
  readonly token: RestHandler;
  readonly revoke: RestHandler;
  readonly introspect: RestHandler;
}

export function createFormEndpoints(options: FormEndpointOptions): FormEndpoints {
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, admission, links } = options;

  function endpoint<Plain, Result>(steps: Steps<RestRequest, Plain, Result, RestResponse>): RestHandler {
    return async (request) => {
      try {
        return await admission.admit(steps, request, request.caller);
      } catch (error) {
        return errorResponse(toOAuthError(error), request.caller.requestId, links);
      }
    };
  }

  return {
    token: endpoint({
      endpoint: "token",
      read: toTokenRequest,
      work: (request) => tokenEndpoint.token(request),
      show: (response, { requestId }) => tokenAnswer(response, requestId),
    }),
    revoke: endpoint({
      endpoint: "revoke",
      read: toRevocation,
      work: (request) => revocationEndpoint.revoke(request),
      show: (_done, { requestId }) => revokedAnswer(requestId),
    }),
    introspect: endpoint({
      endpoint: "introspect",
      read: (request: RestRequest) => ({ asked: toOneToken(request), signed: wantsSigned(request) }),
      work: ({ asked, signed }): Promise<Introspection | string> =>
        signed ? introspectionEndpoint.introspectSigned(asked) : introspectionEndpoint.introspect(asked),
      show: (introspection, { requestId }) => introspectionAnswer(introspection, requestId),
    }),
  };
}

/** Whether the caller asks for a signed answer (RFC 9701 section 4). */
function wantsSigned({ headers }: RestRequest): boolean {
  return headers.accept?.toLowerCase().includes(SIGNED_INTROSPECTION) === true;
}
