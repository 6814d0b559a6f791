/** What check-config advises though the settings stand. */
import { describe, expect, test } from "vitest";
import { client, read, withClients } from "../settings.js";

const USERS = [
  "  - { issuer: https://users.example.com, discovery: true, use: [subject_token], subject: { prefix: 'u:' } }",
  "clients:",
].join("\n");

/** Warnings of a client, where there are users whom it may exchange. */
function warnings(more: string, withUsers = true): readonly string[] {
  const yaml = withClients(client("a", more));
  return read({ yaml: withUsers ? yaml.replace("clients:", USERS) : yaml }).warnings;
}

describe("a client that may introspect", () => {
  test("is advised to say which audiences it serves", () => {
    expect(warnings("permissions: [introspect]")).toEqual([
      expect.stringMatching(/clients\[0\]\.permissions: has introspect without serves: .*serves: \[https:/),
    ]);
    expect(warnings("permissions: [introspect], serves: [https://a.example.com]")).toEqual([]);
    expect(warnings("permissions: [revoke]")).toEqual([]);
  });

  test("reads serves as a set, absent by default, and warns of an empty one", () => {
    const serves = (more: string) => read({ yaml: withClients(client("a", more)) }).clients[0]?.serves;
    expect(serves("serves: [x, y, x]")).toEqual(new Set(["x", "y"]));
    expect(serves("")).toBeUndefined();
    expect(warnings("serves: []")).toEqual([expect.stringContaining("clients[0].serves: is empty")]);
  });
});

describe("claims that say who somebody is", () => {
  test.each(["principal_name", "principal_roles", "preferred_username", "email", "roles", "groups", "user_id"])(
    "%s is warned of where the client may exchange users",
    (name) => {
      expect(warnings(`claims: { ${name}: x }`)).toEqual([
        expect.stringContaining(`clients[0].claims.${name}: is in the client's own tokens only`),
      ]);
      expect(warnings(`user_claims: { ${name}: x }`)).toEqual([
        expect.stringContaining(
          `clients[0].user_claims.${name}: says who the caller is, and is the same for all users`,
        ),
      ]);
    },
  );

  test("are no cause for a warning where there are no users, or the client may not exchange them", () => {
    expect(warnings("claims: { principal_name: x }", false)).toEqual([]);
    expect(warnings("claims: { principal_name: x }, grants: [client_credentials]")).toEqual([]);
    expect(warnings("claims: { team: x, tenant_id: y }, user_claims: { tenant_id: y }")).toEqual([]);
  });

  test("are warned of for users without proof, and for other clients' tokens, too", () => {
    const unsecured = warnings('claims: { email: x }, unsecured_subjects: { allow: ["*@a.example"] }', false);
    expect(unsecured).toEqual([expect.stringContaining("claims.email")]);
    expect(warnings("claims: { email: x }, may_act_for: [a]", false)).toEqual([
      expect.stringContaining("claims.email"),
    ]);
  });
});
