/** The server's metadata: RFC 8414, and as much of OpenID Connect Discovery as a verifier needs. */
import { GRANT_TYPES, grantTypeOnWire } from "../../oauth/grant-type.js";
import type { KeyRing } from "../../keys/key-ring.js";
import type { Document } from "./documents.js";
import {
  AUTHORIZATION_PATH,
  endpointUrl,
  ERRORS_PATH,
  INTROSPECTION_PATH,
  JWKS_PATH,
  REVOCATION_PATH,
  TOKEN_PATH,
} from "../../oauth/paths.js";

export interface DiscoveryOptions {
  /** `iss`, byte for byte. */
  readonly issuer: string;
  readonly keyRing: Pick<KeyRing, "published">;
  /** Algorithms that client assertions may be signed with. */
  readonly assertionAlgorithms: readonly string[];
  /** Scopes that anyone may know. Without any, the member is left out. */
  readonly scopesSupported: () => readonly string[];
}

export interface Discovery {
  readonly authorizationServer: () => Document;
  readonly openIdConfiguration: () => Document;
  readonly jwks: () => Document;
}

type Members = Readonly<Record<string, string | readonly string[]>>;

const METADATA_MAX_AGE_SECONDS = 300;
const AUTH_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

export function createDiscovery({
  issuer,
  keyRing,
  assertionAlgorithms,
  scopesSupported,
}: DiscoveryOptions): Discovery {
  const signing = () => [...new Set(keyRing.published().keys.map(({ alg }) => alg))];
  const members = (): Members => ({
    issuer,
    authorization_endpoint: endpointUrl(issuer, AUTHORIZATION_PATH),
    token_endpoint: endpointUrl(issuer, TOKEN_PATH),
    jwks_uri: endpointUrl(issuer, JWKS_PATH),
    scopes_supported: scopesSupported(),
    response_types_supported: [],
    grant_types_supported: GRANT_TYPES.map(grantTypeOnWire),
    // Says that the rules of the profile are implemented, and nothing of the issuers (section 7.2 of the ID-JAG draft).
    authorization_grant_profiles_supported: ["urn:ietf:params:oauth:grant-profile:id-jag"],
    // An assertion, a Bearer or an actor token needs no client authentication beside it (RFC 7521 section 4.1).
    token_endpoint_auth_methods_supported: [...AUTH_METHODS, "none"],
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint: endpointUrl(issuer, REVOCATION_PATH),
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint: endpointUrl(issuer, INTROSPECTION_PATH),
    introspection_endpoint_auth_methods_supported: AUTH_METHODS,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_signing_alg_values_supported: signing(),
    service_documentation: endpointUrl(issuer, ERRORS_PATH),
  });

  return {
    authorizationServer: () => json(members()),
    // Quarkus OIDC reads all endpoints here. It rejects every token if this document names no introspection.
    openIdConfiguration: () =>
      json({ ...members(), subject_types_supported: ["public"], id_token_signing_alg_values_supported: signing() }),
    jwks: () => {
      const { keys, maxAgeSeconds } = keyRing.published();
      return { contentType: "application/json", body: JSON.stringify({ keys }), maxAgeSeconds };
    },
  };
}

/**
 * RFC 8414 section 3.2 leaves out empty members. Section 2 requires `response_types_supported`, which is empty here.
 */
function json(members: Members): Document {
  const present = Object.entries(members).filter(
    ([name, value]) => name === "response_types_supported" || value.length > 0,
  );
  return {
    contentType: "application/json",
    body: JSON.stringify(Object.fromEntries(present)),
    maxAgeSeconds: METADATA_MAX_AGE_SECONDS,
  };
}
