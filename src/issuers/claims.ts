/** The rules for type, audience and subject of a trusted issuer's token. */
import type { JsonObject, JsonValue } from "../oauth/json.js";
import { isSubject } from "../oauth/subject.js";
import type { CompactJws, Refuse } from "../jwt/compact-jws.js";
import type { IssuerUse, TrustedIssuer } from "./trusted-issuer.js";

/** `typ` of an ID-JAG, which no other kind of JWT has. */
export const ID_JAG_TYPE = "oauth-id-jag+jwt";

/**
 * Values of `typ` by use: explicit types keep kinds of JWTs apart (RFC 8725 section 3.11). ID tokens and Kubernetes' tokens
 * have none or `JWT`, JWT-SVIDs also `JOSE`.
 */
const TYPES: Readonly<Record<IssuerUse, ReadonlySet<string | undefined>>> = {
  subject_token: new Set([undefined, "jwt", "jose", "at+jwt"]),
  client_assertion: new Set([undefined, "jwt", "jose", "client-authentication+jwt"]),
  id_jag: new Set([ID_JAG_TYPE]),
};

/**
 * Claims that only kinds have which are neither a subject nor a credential, and may lack a `typ`: logout tokens and
 * security events (OpenID Connect Back-Channel Logout section 2.4, RFC 8417), DPoP proofs (RFC 9449 section 4.2).
 */
const OTHER_KINDS: Readonly<Record<string, string>> = { events: "a security event", htm: "a DPoP proof" };

/** Refuses a JWT that was made to be something else (RFC 8725 section 3.12). */
export function checkKind({ type, claims }: CompactJws, use: IssuerUse, refuse: Refuse): void {
  if (!TYPES[use].has(type)) throw refuse("typ says that the token is for something else");
  for (const [claim, kind] of Object.entries(OTHER_KINDS)) {
    if (Object.hasOwn(claims, claim)) throw refuse(`the token is ${kind}`);
  }
}

/**
 * Refuses a token that was not made for us (RFC 7519 section 4.1.3). An assertion must be for us alone: else any other
 * audience could use it here.
 */
export function checkAudience(claims: JsonObject, wanted: readonly string[], use: IssuerUse, refuse: Refuse): void {
  const audience = audienceOf(claims["aud"]);
  if (audience === undefined) throw refuse("aud is missing, or is neither a string nor a list of strings");
  if (!audience.some((name) => wanted.includes(name))) throw refuse("aud does not name this server");
  if (use !== "subject_token" && audience.length > 1) throw refuse("aud must name this server alone");
}

/** The names by which an assertion may call us: our issuer, with a final slash or without, and our token endpoints. */
export function ownAudiences(issuer: string, tokenEndpointUrls: readonly string[]): readonly string[] {
  return [...issuerNames(issuer), ...tokenEndpointUrls];
}

function issuerNames(issuer: string): readonly string[] {
  return [issuer, issuer.endsWith("/") ? issuer.slice(0, -1) : `${issuer}/`];
}

/**
 * What `aud` may be. An ID-JAG is for our issuer, and for no other name of ours (section 4.4.1 of its draft). An assertion
 * of a client is never for what the issuer's users' tokens are for, once `assertion_audience` tells them apart: else a
 * user's token could authenticate a client.
 */
export function audiencesFor(
  issuer: TrustedIssuer,
  use: IssuerUse,
  { ownIssuer, tokenEndpointUrls }: { readonly ownIssuer: string; readonly tokenEndpointUrls: readonly string[] },
): readonly string[] {
  const { audience, assertionAudience } = issuer;
  if (use === "subject_token") return audience;
  if (use === "id_jag") return issuerNames(ownIssuer);
  const own = ownAudiences(ownIssuer, tokenEndpointUrls);
  if (assertionAudience === undefined) return [...audience, ...own];
  const forUsers = issuer.use.has("subject_token") ? audience : [];
  return [...assertionAudience, ...own].filter((name) => !forUsers.includes(name));
}

/** `aud` as a list; undefined if it is absent or malformed. */
export function audienceOf(value: JsonValue | undefined): readonly string[] | undefined {
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((entry) => typeof entry === "string");
  return texts.length === value.length ? texts : undefined;
}

/**
 * The subject: for an assertion `sub` itself, which a client's record names; else the mapped claim with the issuer's
 * prefix.
 */
export function subjectOf(claims: JsonObject, { subject }: TrustedIssuer, use: IssuerUse, refuse: Refuse): string {
  const value = claims[use === "client_assertion" ? "sub" : subject.claim];
  if (!isSubject(value)) throw refuse("the claim that names the subject is missing or unfit");
  return use === "client_assertion" ? value : subject.prefix + value;
}
