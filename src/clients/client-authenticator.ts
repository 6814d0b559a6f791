/**
 * Client authentication, by any method. All failures get one answer, and each is charged to the limiter. The reason
 * is in the error's `detail`, for the log. Knows no grant.
 */
import type { Buffer } from "node:buffer";
import type { Clock } from "../time/clock.js";
import { type Explanation, OAuthError, type OAuthErrorOptions, invalidCredentials } from "../oauth/error.js";
import type { CallerRequest } from "../oauth/request.js";
import type { FailedLoginLimiter } from "../limits/limiter.js";
import type { ReplayPurpose, Replays } from "../storage/replays.js";
import { readCompactJws, type Refuse } from "../jwt/compact-jws.js";
import { withoutOuterSpace } from "../jwt/white-space.js";
import { ownAudiences } from "../issuers/claims.js";
import type { IssuerKeys } from "../issuers/keys.js";
import type { IssuerTokenVerifier } from "../issuers/trusted-issuer.js";
import type { Client } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";
import type { Wait } from "./failure-pause.js";
import { authenticateFederated } from "./federated-jwt.js";
import {
  otherClient,
  presentsCredentials,
  presentsProof,
  readPresented,
  type Presented,
} from "./presented-credentials.js";
import { createPrivateKeyJwt, selfAsserted } from "./private-key-jwt.js";
import { createScryptCache } from "./scrypt-cache.js";
import { authenticateBySecret, type SecretOutcome } from "./secret.js";
import { diagnoseSecret } from "./secret-diagnosis.js";
import { shownId } from "./shown-id.js";
import { createSlowHashQueue } from "./slow-hash-queue.js";

/** How a client proved who it is: the registered names of RFC 8414 and our own. */
export type AuthMethod = "client_secret_basic" | "client_secret_post" | "private_key_jwt" | "federated_jwt" | "bearer";

/** A client that proved who it is. */
export interface AuthenticatedClient {
  readonly client: Client;
  readonly method: AuthMethod;
  /** The name of the secret that it used, if it used one. */
  readonly secretName?: string | undefined;
}

/** Authenticates clients by their own credentials. */
export interface ClientAuthenticator {
  /**
   * Whether the request carries a client's own credentials of any kind (right or wrong). A `Bearer` header does
   * not count: PyIceberg and Java send a stale one beside credentials, and it is ignored.
   */
  presents(request: CallerRequest): boolean;
  /**
   * Rejects with `invalid_client` (all failures alike), `invalid_request` (more
   * than one method, or a `client_id` that names another client), `slow_down`, or `temporarily_unavailable`. A client
   * that is disabled fails like an unknown one.
   */
  authenticate(request: CallerRequest): Promise<AuthenticatedClient>;
  /**
   * Finds the client that an assertion outside the credentials is of: a workload's token, and as a grant also what a
   * client signed. Credentials beside it, or a `client_id` alone, must be of the same client. Rejects with what `refuse`
   * makes, which is charged like a failed authentication.
   */
  identify(request: CallerRequest, assertion: Assertion): Promise<AuthenticatedClient>;
  /**
   * Charges a refusal that a grant makes, like a failed authentication, and returns it; beyond the limit `slow_down`.
   */
  charge(failure: OAuthError, clientId: string | undefined, address: string): OAuthError;
}

/** An assertion outside the credentials. */
export interface Assertion {
  readonly jwt: string;
  readonly as: "grant" | "actor";
  readonly refuse: MakeRefusal;
}

/** Makes a refusal of what is explained so. */
export type MakeRefusal = (detail: OAuthErrorOptions["detail"]) => OAuthError;

export interface ClientAuthenticatorDependencies {
  readonly registry: ClientRegistry;
  readonly limiter: FailedLoginLimiter;
  readonly issuerTokens: IssuerTokenVerifier;
  /** Keys behind clients' `jwks_uri`. */
  readonly keys: IssuerKeys;
  readonly replays: Replays;
  readonly clock: Clock;
  /** `iss` of our tokens, which an assertion's `aud` must name. */
  readonly issuer: string;
  /** URLs of the token endpoint, also accepted as `aud` of `private_key_jwt`. */
  readonly tokenEndpointUrls: readonly string[];
  /** Cryptographically random bytes. */
  readonly random: (size: number) => Buffer;
  /** Delays the answer to a failure. Default: Node's timer. */
  readonly wait?: Wait | undefined;
}

type SecretPresented = Extract<Presented, { kind: "secret" }>;

/** A JWT that says which client it is of, wherever it stood. */
interface PresentedJwt {
  readonly jwt: string;
  readonly purpose: ReplayPurpose;
  /** Whether it is a workload's token or nothing. */
  readonly federatedOnly: boolean;
  /** The client that the request names beside it, which must agree. */
  readonly clientId: string | undefined;
  readonly address: string;
  readonly refuse: MakeRefusal;
  /** The error if `clientId` does not agree. Absent: the same as for any failure. */
  readonly otherClient?: (detail: string) => Error;
}

export function createClientAuthenticator(dependencies: ClientAuthenticatorDependencies): ClientAuthenticator {
  const { registry, limiter, clock, issuer, tokenEndpointUrls } = dependencies;
  const scrypt = createScryptCache({ ...dependencies, queue: createSlowHashQueue() });
  const audiences = new Set(ownAudiences(issuer, tokenEndpointUrls));
  const privateKeyJwt = createPrivateKeyJwt({ ...dependencies, audiences });
  const bySecretDependencies = { ...dependencies, scrypt };

  /** Charges a failure. Beyond the limit, the answer is `slow_down` instead. */
  function charge(failure: OAuthError, claimedId: string | undefined, address: string): OAuthError {
    return limiter.charge(claimedId, address) ? failure : tooManyFailures(failure.scheme, () => failure.explain());
  }

  async function bySecret(presented: SecretPresented, address: string): Promise<AuthenticatedClient> {
    const { pairs } = presented;
    const attempt = { pairs, claimedId: claimedIdOf(presented), address };
    return judged(await authenticateBySecret(attempt, bySecretDependencies), presented, address);
  }

  function judged(result: SecretOutcome, presented: SecretPresented, address: string): AuthenticatedClient {
    const { method, clientId } = presented;
    const scheme = method === "client_secret_basic" ? "Basic" : undefined;
    const clients = registry.current;
    if (result.outcome === "limited") {
      limiter.charge(claimedIdOf(presented), address);
      throw tooManyFailures(scheme, () => notChecked(clients, presented));
    }
    if (result.outcome === "failed") {
      const refused = { ...presented, slow: result.slow, at: clock() };
      const failure = invalidCredentials(() => diagnoseSecret(refused, clients), scheme);
      throw charge(failure, claimedIdOf(presented), address);
    }
    const { client, secret } = result;
    if (clientId !== undefined && clientId !== client.id) {
      const detail = `the credentials are right, and of client ${client.id}`;
      throw otherClient(() => ({ ...shownId(clients, clientId), detail, secretName: secret.name }));
    }
    return { client, method, secretName: secret.name };
  }

  async function byJwt(given: PresentedJwt): Promise<AuthenticatedClient> {
    const refusals = new WeakSet<Error>();
    const clients = registry.current;
    let claimedId = given.clientId;
    const refuse: Refuse = (detail, more) => {
      const refusal = given.refuse(() => ({
        failure: "assertion_invalid",
        client: shownId(clients, claimedId).client,
        ...more,
        detail: `JWT: ${more?.detail ?? detail}`,
      }));
      refusals.add(refusal);
      return refusal;
    };
    try {
      const jws = readCompactJws(withoutOuterSpace(given.jwt), refuse);
      const self = given.federatedOnly ? undefined : selfAsserted(jws.claims);
      claimedId ??= self;
      const client =
        self === undefined
          ? await authenticateFederated(jws.token, given.purpose, refuse, dependencies)
          : await privateKeyJwt(self, jws, given.purpose, refuse);
      if (given.clientId !== undefined && given.clientId !== client.id) {
        const detail = `it stands for client ${client.id}, and not for the one beside it`;
        throw given.otherClient?.(detail) ?? refuse(detail, { failure: "assertion_of_another_client" });
      }
      return { client, method: self === undefined ? "federated_jwt" : "private_key_jwt" };
    } catch (error) {
      if (!(error instanceof OAuthError) || !refusals.has(error)) throw error;
      throw charge(error, claimedId, given.address);
    }
  }

  function authenticate({ credentials, caller: { address } }: CallerRequest): Promise<AuthenticatedClient> {
    const presented = readPresented(credentials);
    if (presented.kind === "secret") return bySecret(presented, address);
    const refuse: MakeRefusal = (detail) => invalidCredentials(detail, presented.scheme);
    return byJwt({ ...presented, address, purpose: "authentication", refuse, otherClient });
  }

  return {
    charge,
    presents: ({ credentials }) => presentsCredentials(credentials),
    authenticate: async (request) => authenticate(request),
    async identify(request, { jwt, as, refuse }) {
      const { clientId } = presentsProof(request.credentials)
        ? { clientId: (await authenticate(request)).client.id }
        : request.credentials;
      const { address } = request.caller;
      const purpose = as === "grant" ? "grant" : "authentication";
      return byJwt({ jwt, purpose, federatedOnly: as === "actor", clientId, address, refuse });
    },
  };
}

/**
 * The id that a failure is charged to. The last reading of a Basic header is the most decoded one: two spellings of
 * an id share one bucket.
 */
function claimedIdOf({ pairs, clientId }: SecretPresented): string | undefined {
  return pairs.at(-1)?.clientId ?? clientId;
}

function notChecked(clients: ClientSet, presented: SecretPresented): Explanation {
  const { client } = shownId(clients, claimedIdOf(presented));
  return { failure: "not_checked", client, detail: "not hashed: too many failures" };
}

/** The same string for every client: it does not tell which ones exist. */
function tooManyFailures(scheme: "Basic" | "Bearer" | undefined, detail: OAuthErrorOptions["detail"]): OAuthError {
  return new OAuthError(
    "slow_down",
    "TOO_MANY_FAILURES",
    "Too many failed authentications for this client and address. Wait, then send the right credentials.",
    { ...(detail !== undefined && { detail }), ...(scheme && { scheme }) },
  );
}
