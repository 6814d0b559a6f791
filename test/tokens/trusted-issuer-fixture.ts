/** A trusted issuer of the tests, and a verifier that has its keys. */
import { createIssuerTokenVerifier } from "../../src/issuers/verifier.js";
import { createIssuerKeys } from "../../src/issuers/keys.js";
import type { IssuerTokenVerifier, TrustedIssuer } from "../../src/issuers/trusted-issuer.js";
import type { SigningKey } from "./signing-key.js";
import { SECOND } from "../../src/time/clock.js";

/** Seconds. */
export const NOW = 1_800_000_000;
export const OWN_ISSUER = "https://tokens.example.com";
export const IDP = "https://idp.example.com";

/** The issuer, but for what is given. */
export function trustedIssuer(different: Partial<TrustedIssuer> = {}): TrustedIssuer {
  return {
    issuer: IDP,
    keys: { kind: "uri", uri: `${different.issuer ?? IDP}/jwks` },
    caFile: undefined,
    tokenFile: undefined,
    audience: [OWN_ISSUER],
    assertionAudience: undefined,
    maxAssertionAgeMs: 3600 * SECOND,
    singleUse: false,
    algorithms: new Set(["ES256"]),
    use: new Set(["subject_token", "client_assertion"]),
    copiedClaims: [],
    subject: { claim: "sub", prefix: "idp:" },
    trustDomain: undefined,
    ...different,
  };
}

/** Claims of a good token of that issuer, but for what is given. */
export function goodClaims(different: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { iss: IDP, sub: "alice", aud: OWN_ISSUER, iat: NOW - 10, exp: NOW + 300, ...different };
}

/** A verifier for issuers whose keys are at their `jwks_uri`; one that is not listed does not answer. */
export function issuerTokenVerifier(
  issuers: readonly TrustedIssuer[],
  jwks: Readonly<Record<string, readonly SigningKey["jwk"][]>>,
): IssuerTokenVerifier {
  const clock = () => NOW * 1000;
  const keys = createIssuerKeys({
    clock,
    readFile: () => Promise.reject(new Error("no files here")),
    fetchJson: ({ url }) => {
      const found = jwks[url];
      if (found === undefined) return Promise.reject(new Error("unreachable"));
      return Promise.resolve({ json: { keys: found }, maxAgeSeconds: undefined });
    },
  });
  return createIssuerTokenVerifier({
    issuers: () => issuers,
    ownIssuer: OWN_ISSUER,
    tokenEndpointUrls: [],
    keys,
    clock,
  });
}
