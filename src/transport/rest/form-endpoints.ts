/** The three endpoints that take a form. Each reads, calls the core and shows its answer; none knows a rule of a grant. */
import type { IntrospectionEndpoint, RevocationEndpoint, TokenEndpoint } from "../../grants/endpoints.js";
import { toOAuthError } from "../../oauth/error.js";
import type { TransportEvents } from "../../telemetry/events.js";
import type { Gate } from "../gate.js";
import {
  SIGNED_INTROSPECTION,
  introspectionAnswer,
  revokedAnswer,
  signedIntrospectionAnswer,
  tokenAnswer,
} from "./answers.js";
import { errorResponse, type ErrorLinks } from "./errors.js";
import { toOneToken, toRevocation, toTokenRequest } from "./mapping.js";
import type { RestHandler, RestRequest, RestResponse } from "./rest-message.js";

/** What the endpoints are made of. */
export interface FormEndpointOptions {
  readonly tokenEndpoint: TokenEndpoint;
  readonly revocationEndpoint: RevocationEndpoint;
  readonly introspectionEndpoint: IntrospectionEndpoint;
  readonly gate: Gate;
  readonly events: TransportEvents;
  readonly links: ErrorLinks;
}

/** The handlers of the endpoints. */
export interface FormEndpoints {
  readonly token: RestHandler;
  readonly revoke: RestHandler;
  readonly introspect: RestHandler;
}

/** Makes the handlers. */
export function createFormEndpoints(options: FormEndpointOptions): FormEndpoints {
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, gate, events, links } = options;

  /**
   * Reads the request and lets it into the core, which audits what it refuses; what is refused here never got there, and
   * is told to the audit here.
   */
  function endpoint<Plain>(
    read: (request: RestRequest) => Plain,
    answer: (plain: Plain, request: RestRequest) => Promise<RestResponse>,
  ): RestHandler {
    return async (request) => {
      const { caller } = request;
      let plain: Plain;
      try {
        plain = read(request);
        gate.enter();
      } catch (error) {
        const refusal = toOAuthError(error);
        events.requestRefused(caller, refusal, 0);
        return errorResponse(refusal, caller.requestId, links);
      }
      try {
        return await answer(plain, request);
      } catch (error) {
        return errorResponse(toOAuthError(error), caller.requestId, links);
      } finally {
        gate.leave();
      }
    };
  }

  return {
    token: endpoint(toTokenRequest, async (plain, { caller }) =>
      tokenAnswer(await tokenEndpoint.token(plain), caller.requestId),
    ),
    revoke: endpoint(toRevocation, async (plain, { caller }) => {
      await revocationEndpoint.revoke(plain);
      return revokedAnswer(caller.requestId);
    }),
    introspect: endpoint(toOneToken, async (plain, { caller, headers }) =>
      headers.accept?.toLowerCase().includes(SIGNED_INTROSPECTION) === true
        ? signedIntrospectionAnswer(await introspectionEndpoint.introspectSigned(plain), caller.requestId)
        : introspectionAnswer(await introspectionEndpoint.introspect(plain), caller.requestId),
    ),
  };
}
