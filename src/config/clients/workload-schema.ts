/** The shape of one workload rule in YAML. Beside its match it has what a client's record has, but ways to prove itself. */
import { z } from "zod";
import { MAX_DERIVED_ID } from "../../clients/workload-rule.js";
import { jsonMapping, matching, oneOf, text } from "../reading/fields.js";
import { clientSchema } from "./schema.js";

const { grants, scopes, audiences, user_claims, may_act_for, act_for_issuers, access_ttl, serves, disabled } =
  clientSchema.shape;

const SUBJECT_EXAMPLE = '"system:serviceaccount:shop:*"';

export const workloadSchema = z
  .strictObject({
    // It is the label of a metric, and an argument of `icemint revoke workload`.
    name: matching(/^[A-Za-z0-9._~@/-]+$/, "may hold only letters, digits and . _ ~ @ / -", "shop", 100),
    issuer: text("https://kubernetes.default.svc"),
    subject: text(SUBJECT_EXAMPLE, 1000),
    claims: jsonMapping('{ repository_owner_id: "123" }').optional(),
    client_id: matching(
      /^[A-Za-z0-9._~@/{}-]+$/,
      "may hold only letters, digits, . _ ~ @ / - and {1}, {2} for what each * matches",
      '"shop/{1}"',
      MAX_DERIVED_ID,
    ),
    except: z
      .array(text('"system:serviceaccount:shop:default"', 1000))
      .meta({ example: '["system:serviceaccount:shop:default"]' })
      .optional(),
    grants,
    scopes,
    audiences,
    user_claims,
    may_act_for,
    act_for_issuers,
    access_ttl,
    // A rule may have no permission that changes anything: nobody looks at each workload that it lets in.
    permissions: z.array(oneOf(["introspect", "watch_revocations"], "introspect")).optional(),
    serves,
    disabled,
  })
  .meta({
    example: `{ name: shop, issuer: https://kubernetes.default.svc, subject: ${SUBJECT_EXAMPLE}, client_id: "shop/{1}" }`,
  });
