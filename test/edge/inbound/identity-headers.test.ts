import { describe, expect, test } from "vitest";
import { identityHeaders, isAlias } from "../../../src/edge/inbound/identity-headers.js";
import type { AccessToken } from "../../../src/oauth/access-token.js";

const TOKEN: AccessToken = {
  id: "jti",
  kid: "kid",
  subject: "idp:alice@example.com",
  clientId: "spark-etl",
  actor: undefined,
  scope: ["catalog", "PRINCIPAL_ROLE:etl"],
  audience: ["https://catalog.example.com"],
  session: { id: "AbC-_9", startedAt: 1, endsAt: 2, ancestors: [], keys: [] },
  issuedAt: 1,
  expiresAt: 2,
  subjectIssuer: undefined,
  unsecuredSubject: false,
  ruleDigests: [],
  claims: {},
  copied: [],
};

const headersOf = (token: Partial<AccessToken>): Record<string, string> =>
  Object.fromEntries(identityHeaders({ ...TOKEN, ...token }));

describe("the identity headers", () => {
  test("say subject, client, scope and session", () => {
    expect(headersOf({})).toEqual({
      "x-icemint-subject": "idp:alice@example.com",
      "x-icemint-client": "spark-etl",
      "x-icemint-actors": "-",
      "x-icemint-scope": "catalog PRINCIPAL_ROLE:etl",
      "x-icemint-session": "AbC-_9",
    });
  });

  test("are never empty: `-` is none, and a name that is `-` is escaped", () => {
    expect(headersOf({ scope: [] })["x-icemint-scope"]).toBe("-");
    expect(headersOf({ scope: ["-"], subject: "-" })).toMatchObject({
      "x-icemint-scope": "%2D",
      "x-icemint-subject": "%2D",
    });
  });

  test("list the actors, the present one first; one of another issuer is no client of ours", () => {
    const actor = { sub: "trino", act: { sub: "spark", iss: "https://idp.example.com?x", act: { sub: "a,b" } } };
    expect(headersOf({ actor })["x-icemint-actors"]).toBe("trino,spark;iss=https://idp.example.com%3Fx,a%2Cb");
  });

  test.each([
    ["a space and a comma", "a b,c", "a%20b%2Cc"],
    ["an escape", "a%20b", "a%2520b"],
    ["marks", "!'()*;=+", "%21%27%28%29%2A%3B%3D%2B"],
    ["letters of other scripts", "Ada é 艾 👩", "Ada%20%C3%A9%20%E8%89%BE%20%F0%9F%91%A9"],
  ])("escape %s", (_what, subject, text) => {
    expect(headersOf({ subject })["x-icemint-subject"]).toBe(text);
    expect(decodeURIComponent(text)).toBe(subject);
  });
});

describe("an alias of an identity header", () => {
  test.each(["x_icemint_subject", "X_Icemint_Client", "x-icemint_scope", "x.icemint.session", "x!icemint~actors"])(
    "is %s",
    (name) => {
      expect(isAlias(name)).toBe(true);
    },
  );

  test.each(["x-icemint-subject", "X-Icemint-Subject", "x-icemint-subjects", "x-other_subject", "accept", ""])(
    "is not %j",
    (name) => {
      expect(isAlias(name)).toBe(false);
    },
  );
});
