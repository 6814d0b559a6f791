/** The shape of one client in YAML. Rules that need more than one value are in `rules.ts`. */
import { z } from "zod";
import { PERMISSIONS } from "../../clients/client.js";
import { MAX_DERIVED_ID } from "../../clients/workload-rule.js";
import { DAY } from "../../time/clock.js";
import { GRANT_TYPES } from "../../oauth/grant-type.js";
import { flag, instant, jsonMapping, lifetime, matching, oneOf, text, url } from "../reading/fields.js";

/** Ids stand in Basic headers, log lines, file names and shell commands: nothing that any of them would change. */
export const CLIENT_ID = /^[A-Za-z0-9._~@/-]+$/;
export const MAX_CLIENT_ID = 128;

function clientId(example = "spark-etl") {
  return matching(CLIENT_ID, "may hold only letters, digits and . _ ~ @ / -", example, MAX_CLIENT_ID);
}

/** The id of any client, also of one that a workload rule derives. */
function derivedId(example: string) {
  return matching(CLIENT_ID, "may hold only letters, digits and . _ ~ @ / -", example, MAX_DERIVED_ID);
}

/** RFC 6749 section 3.3. */
function scopeWord(example = "catalog") {
  return matching(
    /^[\x21\x23-\x5B\x5D-\x7E]+$/,
    'must be one scope word: printable ASCII without spaces, " and \\',
    example,
    256,
  );
}

function audience(example: string) {
  return matching(/^\S+$/, "must not hold spaces", example, 500);
}

function filePath(example: string) {
  return text(example, 4096);
}

/** A generated secret that was pasted where something else belongs. It has to be changed: this file is no place for it. */
function notSecret<S extends z.ZodType<string>>(schema: S, right: string) {
  const example = schema.meta()?.["example"];
  return z
    .unknown()
    .superRefine((value, context) => {
      if (typeof value === "string" && value.startsWith("icm_")) {
        context.addIssue({ code: "custom", message: `is the secret itself, where ${right} belongs` });
      }
    })
    .pipe(schema)
    .meta({ example });
}

/** Exactly one of the first four names in each. */
const secret = z
  .strictObject({
    sha256: notSecret(
      matching(/^[0-9a-fA-F]{64}$/, "must be the SHA-256 of a secret: 64 hex digits", `"${"9f".repeat(32)}"`),
      "its SHA-256, as `printf %s SECRET | sha256sum` prints",
    ).optional(),
    scrypt: matching(
      /^\$scrypt\$/,
      "must be a scrypt hash in PHC form: $scrypt$ln=15,r=8,p=1$salt$hash",
      '"$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaA..."',
    ).optional(),
    env: notSecret(
      matching(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a variable's name", "SPARK_SECRET", 128),
      "the name of the variable that holds it",
    ).optional(),
    file: filePath("/run/secrets/spark").optional(),
    expires: instant("2027-01-31T00:00:00Z").optional(),
  })
  .meta({
    example: "{ env: SPARK_SECRET }",
    otherwise:
      "must hold settings by name, one of sha256, scrypt, env, file: no secret stands in this file in clear " +
      "(the hash of one that you have: printf %s SECRET | sha256sum)",
  });

const federated = z
  .strictObject({
    issuer: text("https://kubernetes.default.svc"),
    subject: text("system:serviceaccount:shop:orders", 1000),
  })
  .meta({ example: '{ issuer: https://kubernetes.default.svc, subject: "system:serviceaccount:shop:orders" }' });

export const clientSchema = z
  .strictObject({
    id: clientId(),
    name: text("Nightly ETL", 200).optional(),
    secrets: z.array(secret).optional(),
    federated: z.array(federated).optional(),
    jwks: jsonMapping("{ keys: [{ kty: EC, crv: P-256, x: ..., y: ... }] }", 64 * 1024).optional(),
    jwks_uri: url(["https", "http"], "https://orders.example.com/jwks").optional(),
    single_use: flag(true).optional(),
    grants: z.array(oneOf(GRANT_TYPES, "client_credentials")).optional(),
    scopes: z
      .strictObject({ allowed: z.array(scopeWord()), default: z.array(scopeWord()).optional() })
      .meta({ example: "{ allowed: [catalog], default: [catalog] }" })
      .optional(),
    audiences: z
      .strictObject({
        allowed: z.array(audience("https://catalog.example.com")),
        default: z.array(audience("https://catalog.example.com")).optional(),
      })
      .meta({ example: "{ allowed: [https://catalog.example.com] }" })
      .optional(),
    claims: jsonMapping("{ team: etl }").optional(),
    user_claims: jsonMapping("{ tenant: acme }").optional(),
    may_act_for: z.array(derivedId("reports-api")).optional(),
    act_for_issuers: z.array(text("https://idp.example.com")).meta({ example: "[https://idp.example.com]" }).optional(),
    access_ttl: lifetime(30 * DAY, "15m").optional(),
    permissions: z.array(oneOf(PERMISSIONS, "introspect")).optional(),
    serves: z
      .array(audience("https://catalog.example.com"))
      .meta({ example: "[https://catalog.example.com]" })
      .optional(),
    disabled: flag(true).optional(),
    unsecured_subjects: z
      .strictObject({ allow: z.array(text('"*@example.com"', 200)) })
      .meta({ example: '{ allow: ["*@example.com"] }' })
      .optional(),
  })
  .meta({ example: "{ id: spark-etl, secrets: [{ env: SPARK_SECRET }] }" });
