/**
 * Joins the core: clients, sessions, tokens, grants and endpoints. It must not choose a storage, a source of keys or a
 * clock, and it knows no transport.
 */
import type { Buffer } from "node:buffer";
import { createClientAuthenticator } from "../clients/client-authenticator.js";
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Config } from "../config/config.js";
import type { IntrospectionEndpoint } from "../endpoints/introspection.js";
import type { RevocationEndpoint } from "../endpoints/revocation.js";
import type { TokenEndpoint } from "../grants/token-endpoint.js";
import type { Operators } from "../endpoints/operator.js";
import { createIntrospectionEndpoint } from "../endpoints/introspection.js";
import { createRevocationEndpoint } from "../endpoints/revocation.js";
import { createSessions } from "../tokens/sessions.js";
import { createClientCredentials } from "../grants/client-credentials.js";
import { createIdJags } from "../grants/id-jag.js";
import { createJwtBearer } from "../grants/jwt-bearer.js";
import { createUserExchange } from "../grants/exchange-user.js";
import { createRefreshTokenGrant, createRefreshTokens } from "../grants/refresh-token.js";
import { createRequesters } from "../grants/requester.js";
import { createStanding } from "../grants/standing.js";
import { createTokenEndpoint } from "../grants/token-endpoint.js";
import { createTokenExchange } from "../grants/token-exchange.js";
import { createOperators } from "../endpoints/operator.js";
import { createCallers } from "../endpoints/permission.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { FailedLoginLimiter } from "../limits/limiter.js";
import type { Clock } from "../time/clock.js";
import type { Events } from "../oauth/events.js";
import type { RandomId } from "../crypto/random-id.js";
import type { RevocationView } from "../oauth/revocation.js";
import type { Storage } from "../storage/storage.js";
import { createStoreMac } from "../crypto/store-mac.js";
import type { RevokeEventually } from "../revocations/eventual.js";
import { createIssuerTokenVerifier } from "../issuers/verifier.js";
import type { IssuerKeys } from "../issuers/keys.js";
import { authenticFamilies } from "../grants/authentic-families.js";
import { createTokenIssuer } from "../tokens/token-issuer.js";
import { createTokenVerifier } from "../tokens/token-verifier.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";
import { endpointUrl } from "../oauth/paths.js";

export type CoreConfig = Pick<Config, "issuer" | "tokens" | "revocation"> & { readonly tokenPaths: readonly string[] };

export interface CoreDependencies {
  readonly config: CoreConfig;
  readonly registry: ClientRegistry;
  readonly trustedIssuers: () => readonly TrustedIssuer[];
  readonly storage: Pick<Storage, "families" | "revocations" | "replays" | "now">;
  readonly revocationView: RevocationView;
  readonly revokeEventually: RevokeEventually;
  readonly keys: KeyRing;
  readonly issuerKeys: IssuerKeys;
  readonly limiter: FailedLoginLimiter;
  readonly events: Events;
  readonly clock: Clock;
  readonly randomId: RandomId;
  readonly random: (size: number) => Buffer;
}

/** Transports call these. */
export interface Core {
  readonly tokens: TokenEndpoint;
  readonly revocation: RevocationEndpoint;
  readonly introspection: IntrospectionEndpoint;
  readonly operators: Operators;
}

export function createCore(given: CoreDependencies): Core {
  const { config, registry, storage, revocationView, keys, events, clock, randomId } = given;
  const { issuer, tokens, revocation } = config;
  const { sessionTtlMs } = tokens;
  const tokenEndpointUrls = config.tokenPaths.map((path) => endpointUrl(issuer, path));
  const issuerTokens = createIssuerTokenVerifier({
    issuers: given.trustedIssuers,
    ownIssuer: issuer,
    tokenEndpointUrls,
    keys: given.issuerKeys,
    clock,
  });
  const authenticator = createClientAuthenticator({
    ...given,
    keys: given.issuerKeys,
    issuerTokens,
    replays: storage.replays,
    issuer,
    tokenEndpointUrls,
  });
  const verifier = createTokenVerifier({ issuer, keys, revocations: revocationView, clock });
  const sharedClock = (): number => storage.now();
  const sessions = createSessions({
    clock: sharedClock,
    keys,
    randomId,
    revocations: revocationView,
    sessionTtlMs,
    maxStalenessMs: revocation.maxStalenessMs,
  });
  const standing = createStanding(given);
  const families = authenticFamilies({
    families: storage.families,
    mac: createStoreMac(keys, "refresh family"),
    lastSessionEnd: () => storage.revocations.lastSessionEnd(),
    onTampered: () => events.familyTampered(),
  });
  const refreshTokens = createRefreshTokens({
    families,
    keys,
    revocations: revocationView,
    revokeEventually: given.revokeEventually,
    sessions,
    standing,
    events,
  });
  const identify = createRequesters({ authenticator, registry, verifier, sessions });
  const users = createUserExchange({ issuer, sessions, issuers: issuerTokens, standing, clock });
  const { replays } = storage;
  const proposeByIdJag = createIdJags({ issuer, issuers: issuerTokens, sessions, standing, replays, clock });
  const identifyCaller = createCallers({ authenticator, registry, verifier, sessions, issuer });
  return {
    tokens: createTokenEndpoint({
      grants: [
        createClientCredentials({ authenticator, sessions }),
        createTokenExchange({ identify, verifier, sessions, standing, users }),
        createJwtBearer({ authenticator, sessions, proposeByIdJag }),
        createRefreshTokenGrant({ authenticator, refreshTokens }),
      ],
      tokenIssuer: createTokenIssuer({ issuer, keys, clock, randomId, sessionTtlMs }),
      refreshTokens,
      events,
    }),
    revocation: createRevocationEndpoint({
      registry,
      identifyCaller,
      verifier,
      families,
      keys,
      log: storage.revocations,
      revocations: revocationView,
      events,
      clock: sharedClock,
    }),
    introspection: createIntrospectionEndpoint({
      identifyCaller,
      verifier,
      sessions,
      standing,
      families,
      refreshTokens,
      keys,
      events,
      clock,
      issuer,
    }),
    operators: createOperators({ identifyCaller, events }),
  };
}
