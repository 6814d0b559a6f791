import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller, CallerRequest } from "../../oauth/request.js";
import { authorizationOf } from "../caller.js";
import type { Exchange } from "../exchange.js";

/** What is known of a call before its message is read. */
export interface RpcCall {
  readonly caller: Caller;
  readonly arrival: Exchange;
}

/** A handler finds its call under this key, on the fast lane and on the stock road. */
export const rpcCallKey = createContextKey<RpcCall | undefined>(undefined, { description: "icemint call" });

/** Throws if the handler runs behind a server that sets no call. */
export function rpcCallOf({ values }: Pick<HandlerContext, "values">): RpcCall {
  const call = values.get(rpcCallKey);
  if (call === undefined) throw new Error("the handler context carries no call");
  return call;
}

/** Every request message has these fields. */
export interface ClientFields {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientAssertion: string;
}

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NO_FIELDS: ClientFields = { clientId: "", clientSecret: "", clientAssertion: "" };

/** Reads credentials from the message and from the `authorization` metadata. Throws `OAuthError`. */
export function callerRequest(call: RpcCall, fields: ClientFields = NO_FIELDS): CallerRequest {
  const { clientId, clientSecret, clientAssertion } = fields;
  return {
    caller: call.caller,
    credentials: {
      authorization: authorizationOf(call.arrival),
      clientId: clientId || undefined,
      clientSecret: clientSecret || undefined,
      clientAssertion: clientAssertion || undefined,
      clientAssertionType: clientAssertion === "" ? undefined : JWT_BEARER,
    },
  };
}
