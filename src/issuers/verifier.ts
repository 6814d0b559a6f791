/**
 * Verifies JWTs of trusted issuers (RFC 7519 section 7.2, RFC 8725). Cheap checks come first, the signature last. What
 * a token may say is in this file and `claims.ts`; where keys are is in `key-source.ts`.
 */
import type { Clock } from "../time/clock.js";
import type { JsonObject } from "../oauth/json.js";
import { readCompactJws, type CompactJws, type Refuse } from "../jwt/compact-jws.js";
import { audiencesFor, checkAudience, checkKind, subjectOf } from "./claims.js";
import type { IssuerKeys } from "./keys.js";
import { ASYMMETRIC_ALGORITHMS } from "../jwt/jwk-set.js";
import { hasSignature } from "../jwt/jws-signature.js";
import { checkTimesWithExpiry } from "../jwt/jwt-times.js";
import { keySourceOf } from "./key-source.js";
import { trustDomainOf } from "./spiffe-id.js";
import type { IssuerTokenVerifier, TrustedIssuer } from "./trusted-issuer.js";

export interface IssuerTokenVerifierDependencies {
  /** The present ones: they change with the settings. */
  readonly issuers: () => readonly TrustedIssuer[];
  /** `iss` of our own tokens, which are refused here. */
  readonly ownIssuer: string;
  readonly tokenEndpointUrls: readonly string[];
  readonly keys: IssuerKeys;
  readonly clock: Clock;
}

export function createIssuerTokenVerifier(dependencies: IssuerTokenVerifierDependencies): IssuerTokenVerifier {
  const { issuers, ownIssuer, keys, clock } = dependencies;
  return {
    async verify(token, use, refuse) {
      const jws = readCompactJws(token, refuse);
      if (jws.claims["iss"] === ownIssuer) throw refuse("the token is one of this server's own");
      const issuer = issuerOf(jws.claims, issuers(), refuse);
      if (!issuer.use.has(use)) throw refuse("tokens of this issuer are not accepted for this use");
      if (!issuer.algorithms.has(jws.algorithm) || !ASYMMETRIC_ALGORITHMS.has(jws.algorithm)) {
        throw refuse("alg is not one that this issuer signs with");
      }
      if (issuer.trustDomain !== undefined) checkSvid(jws, issuer.trustDomain, refuse);
      checkKind(jws, use, refuse);
      checkAudience(jws.claims, audiencesFor(issuer, use, dependencies), use, refuse);
      const times = checkTimesWithExpiry(jws.claims, clock(), refuse);
      const subject = subjectOf(jws.claims, issuer, use, refuse);
      const key = await keys.find(keySourceOf(issuer), jws.algorithm, jws.kid);
      if (key === undefined) throw refuse("the issuer has no key that fits, or several and the token names none");
      if (!(await hasSignature(jws, key))) throw refuse("the signature is wrong");
      return { issuer, subject, claims: jws.claims, jws, times };
    },
  };
}

/** By exact `iss`; without one, by the trust domain in `sub`, since JWT-SVIDs need no `iss`. */
function issuerOf(claims: JsonObject, issuers: readonly TrustedIssuer[], refuse: Refuse): TrustedIssuer {
  const { iss, sub } = claims;
  let found: TrustedIssuer | undefined;
  if (iss !== undefined) found = issuers.find(({ issuer }) => issuer === iss);
  else if (typeof sub === "string") {
    const domain = trustDomainOf(sub);
    found = domain === undefined ? undefined : issuers.find(({ trustDomain }) => trustDomain === domain);
  }
  if (found === undefined) throw refuse("its issuer is not trusted");
  return found;
}

const SVID_HEADERS: ReadonlySet<string> = new Set(["alg", "kid", "typ"]);

/** JWT-SVID sections 2 and 3.1: no other header, and a SPIFFE ID of the domain whose keys verify. */
function checkSvid({ header, claims }: CompactJws, trustDomain: string, refuse: Refuse): void {
  if (!Object.keys(header).every((name) => SVID_HEADERS.has(name)))
    throw refuse("a JWT-SVID has only alg, kid and typ");
  const { sub } = claims;
  if (typeof sub !== "string" || trustDomainOf(sub) !== trustDomain) {
    throw refuse("sub is no SPIFFE ID of the issuer's trust domain");
  }
}
