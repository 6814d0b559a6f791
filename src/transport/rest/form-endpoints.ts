/** The three endpoints that take a form. Each reads, calls the core and shows its answer; none knows a rule of a grant. */
import type { IntrospectionEndpoint } from "../../endpoints/introspection.js";
import type { RevocationEndpoint } from "../../endpoints/revocation.js";
import type { TokenEndpoint } from "../../grants/token-endpoint.js";
import { toOAuthError } from "../../oauth/error.js";
import { type Eventually, andThen, attempt } from "../../oauth/eventually.js";
import type { TransportEvents } from "../../telemetry/events.js";
import type { Gate } from "../gate.js";
import { SIGNED_INTROSPECTION, introspectionAnswer, revokedAnswer, tokenAnswer } from "./answers.js";
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

/** A request that was let in, and what it asks for. */
interface Accepted<Plain> {
  readonly plain: Plain;
  readonly request: RestRequest;
}

/** Makes the handlers. */
export function createFormEndpoints(options: FormEndpointOptions): FormEndpoints {
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, gate, events, links } = options;

  /**
   * Reads the request and lets it into the core, which audits what it refuses; what is refused here never got there, and
   * is told to the audit here.
   */
  function endpoint<Plain, Result>(
    read: (request: RestRequest) => Plain,
    work: (plain: Plain, request: RestRequest) => Eventually<Result>,
    show: (result: Result, requestId: string) => RestResponse,
  ): RestHandler {
    const attempted = {
      work: ({ plain, request }: Accepted<Plain>) =>
        andThen(work(plain, request), (result) => show(result, request.caller.requestId)),
      recover: (error: unknown, { request }: Accepted<Plain>) =>
        errorResponse(toOAuthError(error), request.caller.requestId, links),
      lastly: () => gate.leave(),
    };
    return (request) => {
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
      return attempt(attempted, { plain, request });
    };
  }

  return {
    token: endpoint(toTokenRequest, (plain) => tokenEndpoint.token(plain), tokenAnswer),
    revoke: endpoint(toRevocation, (plain) => revocationEndpoint.revoke(plain), revokedAnswer),
    introspect: endpoint(
      toOneToken,
      (plain, { headers }) =>
        headers.accept?.toLowerCase().includes(SIGNED_INTROSPECTION) === true
          ? introspectionEndpoint.introspectSigned(plain)
          : introspectionEndpoint.introspect(plain),
      introspectionAnswer,
    ),
  };
}
