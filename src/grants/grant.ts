/**
 * A grant, as the pipeline (`token-endpoint.ts`) sees it: who asks, which grant the client needs for it, and what
 * could be granted. Scope, audience, minting and the record are the pipeline's: no grant can forget them.
 */
import type { AuthMethod } from "../clients/client-authenticator.js";
import type { Client } from "../clients/client.js";
import type { AccessToken, Actor, Session } from "../oauth/access-token.js";
import type { GrantType } from "../oauth/grant-type.js";
import type { JsonObject } from "../oauth/json.js";
import type { GrantParameters, TokenRequest } from "../oauth/request.js";
import type { TokenType } from "../oauth/token-type.js";
import type { TokenReading } from "../tokens/token-verifier.js";
import type { Bounds } from "./bounds.js";

/** A grant. Each hook throws `OAuthError` for what it refuses. */
export interface Grant {
  readonly type: GrantType;
  identify(request: TokenRequest): Promise<Requester>;
  ask(request: TokenRequest, requester: Requester): Ask;
}

/** Who asks, and the tokens of ours that prove it. */
export interface Requester {
  readonly client: Client;
  readonly by: AuthMethod | "actor_token" | "self";
  /** Live tokens of the client's own, as Bearer or actor. With `self`: the token that asks to be refreshed. */
  readonly tokens: readonly AccessToken[];
  /** With `self`: that token as it was read. Its signature need not be verified twice. */
  readonly self?: TokenReading;
}

/** What a client asks for. */
export interface Ask {
  /** The grant that the client's record must have. It is another one where a grant continues what that one began. */
  readonly needs: GrantType;
  /** `settle` throws if the request asks for more than is proposed. A grant that uses something up calls it before. */
  propose(settle: (proposal: Proposal) => unknown): Proposal | Promise<Proposal>;
}

/** What could be granted, before scope and audience are settled. */
export interface Proposal {
  readonly client: Client;
  readonly subject: string;
  readonly actor: Actor | undefined;
  readonly session: Session;
  readonly copiedClaims: JsonObject;
  /** The trusted issuer that named the subject; undefined for a client and for an unsecured subject. */
  readonly subjectIssuer: string | undefined;
  readonly unsecuredSubject: boolean;
  /** Of the workload rules that the token depends on: the client's own, and those of the tokens that it grows from. */
  readonly ruleDigests: readonly string[];
  readonly scope: Bounds;
  readonly audience: Bounds;
  readonly issuedType: TokenType;
  /** The kind of request, for the record. */
  readonly via: "client_credentials" | "refresh" | "new_session" | "user" | "delegation" | "refresh_token";
  /** `begin`: a user's session begins, and a refresh token may refresh it. `successor`: the refresh token to answer. */
  readonly refreshToken: "none" | "begin" | { readonly successor: string };
}

/** The digest of the rule that derived a client, as tokens carry it. */
export function ruleDigestsOf({ workload }: Client): readonly string[] {
  return workload === undefined ? NONE : [workload.digest];
}

const NONE: readonly string[] = [];

/** Scope and audience bounds of a client that only its own record limits. */
export function clientBounds(client: Client): Pick<Proposal, "scope" | "audience"> {
  return {
    scope: { fallback: client.scopes.default, ceilings: [client.scopes.allowed] },
    audience: { fallback: client.audiences.default, ceilings: [client.audiences.allowed] },
  };
}

type ParametersOf<Type extends GrantType> = Extract<GrantParameters, { readonly type: Type }>;

/** The parameters of a request by the grant of that type, which the pipeline has chosen by it. */
export function parametersOf<Type extends GrantType>({ grant }: TokenRequest, type: Type): ParametersOf<Type> {
  if (isOf(grant, type)) return grant;
  throw new TypeError(`a request by ${grant.type} reached the grant ${type}`);
}

function isOf<Type extends GrantType>(parameters: GrantParameters, type: Type): parameters is ParametersOf<Type> {
  return parameters.type === type;
}
