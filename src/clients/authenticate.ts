/** Who asks. One file for each method beside this one; this is the port that grants call. */
import type { CallerRequest } from "../oauth/request.js";
import type { Client } from "./client.js";

/** How a client proved who it is: the registered names of RFC 8414 and our own. */
export type AuthMethod = "client_secret_basic" | "client_secret_post" | "private_key_jwt" | "federated_jwt" | "bearer";

/** A client that proved who it is. */
export interface AuthenticatedClient {
  readonly client: Client;
  readonly method: AuthMethod;
}

/** Authenticates clients by their own credentials. */
export interface ClientAuthenticator {
  /**
   * Whether the request carries a client's own credentials of any kind (right or wrong). A `Bearer` header is none: it
   * is not looked at here, so that a stale one beside credentials is ignored (PyIceberg, Java).
   */
  presents(request: CallerRequest): boolean;
  /**
   * Authenticates by the credentials presented. Rejects with `invalid_client` (all failures alike), `invalid_request` (more
   * than one method, or a `client_id` that names another client), `slow_down`, or `temporarily_unavailable`. A client
   * that is disabled fails like an unknown one.
   */
  authenticate(request: CallerRequest): Promise<AuthenticatedClient>;
}
