/** The shape of one trusted issuer in YAML. Rules that need more than one value are in `rules.ts`. */
import { z } from "zod";
import { DAY } from "../../time/clock.js";
import { flag, lifetime, matching, oneOf, text, url } from "../reading/fields.js";

/**
 * Signatures of trusted issuers (RFC 7518 section 3.1, RFC 8037, RFC 9864). Never a symmetric one: a verifier of those
 * can also forge. Never `none`.
 */
const ISSUER_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** One name, or a list of names. */
function names(example: string) {
  return z
    .unknown()
    .transform((value, context): readonly string[] => {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      const named = list.filter((name) => typeof name === "string" && /^[^\s\p{Cc}]{1,500}$/u.test(name));
      if (list.length > 0 && named.length === list.length) return named.map(String);
      context.addIssue({ code: "custom", message: "must be a name, or a list of names, and must not hold spaces" });
      return z.NEVER;
    })
    .meta({ example });
}

const MAX_PATH = 8;

/** The name of a claim, or the names on the way to one. */
const claimPath = z
  .union([text("email", 100), z.array(text("roles", 100))], "must be a claim's name, or a path: a list of names")
  .transform((value): readonly string[] => (typeof value === "string" ? [value] : value))
  .refine(
    (path) => path.length > 0 && path.length <= MAX_PATH,
    `must be a claim's name, or a path of 1 to ${MAX_PATH} names`,
  )
  .meta({ example: "email, or [realm_access, roles]" });

export const issuerSchema = z
  .strictObject({
    issuer: matching(/^\S+$/, "must be the iss of its tokens, without spaces", "https://idp.example.com"),
    jwks_uri: url(["https", "http"], "https://idp.example.com/jwks").optional(),
    jwks_file: text("/etc/icemint/idp.jwks.json", 4096).optional(),
    discovery: flag(true).optional(),
    ca_file: text("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", 4096).optional(),
    token_file: text("/var/run/secrets/kubernetes.io/serviceaccount/token", 4096).optional(),
    audience: names("https://tokens.example.com").optional(),
    assertion_audience: names("https://tokens.example.com").optional(),
    max_assertion_age: lifetime(DAY, "1h").optional(),
    single_use: flag(true).optional(),
    algorithms: z.array(oneOf(ISSUER_ALGORITHMS, "RS256")).meta({ example: "[RS256, ES256]" }).optional(),
    use: z
      .array(oneOf(["subject_token", "client_assertion", "id_jag"], "subject_token"))
      .meta({ example: "[subject_token, client_assertion]" }),
    claims: z.array(claimPath).meta({ example: "[email, groups]" }).optional(),
    subject: z
      .strictObject({
        claim: text("sub", 100).optional(),
        prefix: matching(/^[\x21-\x7E]+$/, "must be printable ASCII without spaces", '"idp:"', 100).optional(),
      })
      .meta({ example: '{ claim: sub, prefix: "idp:" }' })
      .optional(),
    trust_domain: matching(/^[a-z0-9._-]+$/, "must be a SPIFFE trust domain", "example.org", 255).optional(),
  })
  .meta({ example: "{ issuer: https://idp.example.com, discovery: true, use: [subject_token] }" });
