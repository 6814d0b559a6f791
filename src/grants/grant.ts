/**
 * A grant supplies its own parts: the requester, the grant that the client's record needs, and a proposal. The pipeline
 * (`token-endpoint.ts`) does the rest: scope, audience, minting, the record. No grant can forget them.
 */
import type { AuthMethod } from "../clients/client-authenticator.js";
import type { Client } from "../clients/client.js";
import type { AccessToken, Actor, Session } from "../oauth/access-token.js";
import type { GrantType } from "../oauth/grant-type.js";
import type { JsonObject } from "../oauth/json.js";
import type { GrantParameters, TokenRequest } from "../oauth/request.js";
import type { TokenType } from "../oauth/token-type.js";
import type { TokenReading } from "../tokens/token-verifier.js";
import type { Bounds } from "./scope-and-audience.js";

/** Each hook throws `OAuthError` to refuse. */
export interface Grant {
  readonly type: GrantType;
  identify(request: TokenRequest): Promise<Requester>;
  ask(request: TokenRequest, requester: Requester): Ask;
}

/** The client that sends the request, and our tokens that it presents as proof. */
export interface Requester {
  readonly client: Client;
  readonly by: AuthMethod | "actor_token" | "self";
  /** The secret that it used, by name. */
  readonly secretName?: string | undefined;
  /** The client's own live tokens, as Bearer or actor. With `self`: the token to refresh. */
  readonly tokens: readonly AccessToken[];
  /** With `self`: the reading of that token. It is not verified twice. */
  readonly self?: TokenReading;
  /** An ID-JAG beside the client's credentials. */
  readonly idJag?: string;
}

/** One request to a grant, checked but not decided. */
export interface Ask {
  /** The grant that the client's record must have: the one that began the session, if the request continues one. */
  readonly needs: GrantType;
  /** `settle` throws if the request exceeds the proposal. A grant that uses up a token calls it first. */
  propose(settle: (proposal: Proposal) => unknown): Proposal | Promise<Proposal>;
}

/** The most that can be granted, before scope and audience are settled. */
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
  /** The kind of request, for the audit log. */
  readonly via:
    | "client_credentials"
    | "refresh"
    | "new_session"
    | "user"
    | "delegation"
    | "refresh_token"
    | "jwt_bearer"
    | "id_jag";
  /** `begin`: the session may get a refresh token. `successor`: the next refresh token of its family. */
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

/** The parameters of a grant. The pipeline chose the grant by their type. */
export function parametersOf<Type extends GrantType>({ grant }: TokenRequest, type: Type): ParametersOf<Type> {
  if (isOf(grant, type)) return grant;
  throw new TypeError(`a request by ${grant.type} reached the grant ${type}`);
}

function isOf<Type extends GrantType>(parameters: GrantParameters, type: Type): parameters is ParametersOf<Type> {
  return parameters.type === type;
}
