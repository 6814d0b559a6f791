import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { problems, read, refusal } from "../settings.js";
import { MINUTE } from "../../../src/time/clock.js";

const CLUSTER = "https://kubernetes.default.svc";
const GITHUB = "https://token.actions.githubusercontent.com";
const DOMAIN = "spiffe://example.org";
const USERS = "https://idp.example.com";

type Yaml = Readonly<Record<string, unknown>>;

const shop = (changes: Yaml = {}): Yaml => ({
  name: "shop",
  issuer: CLUSTER,
  subject: "system:serviceaccount:shop:*",
  client_id: "shop/{1}",
  ...changes,
});

const settings = (workloads: readonly Yaml[], more: Yaml = {}): string =>
  stringify({
    trusted_issuers: [
      { issuer: CLUSTER, discovery: true, use: ["client_assertion"] },
      { issuer: GITHUB, discovery: true, use: ["client_assertion"] },
      { issuer: DOMAIN, jwks_uri: "https://spire", trust_domain: "example.org", use: ["client_assertion"] },
      { issuer: USERS, discovery: true, use: ["subject_token"], subject: { prefix: "idp:" } },
    ],
    workloads,
    ...more,
  });

const found = (...workloads: readonly Yaml[]) => problems({ yaml: settings(workloads) });
const warned = (...workloads: readonly Yaml[]) => read({ yaml: settings(workloads) }).warnings;

describe("a workload rule", () => {
  test("has what a client's record has, and acts for nobody's users unless it says whose", () => {
    const yaml = settings([
      shop({
        claims: { "kubernetes.io": { namespace: "shop" } },
        except: ["system:serviceaccount:shop:default"],
        grants: ["client_credentials", "token_exchange"],
        scopes: { allowed: ["catalog"], default: ["catalog"] },
        audiences: { allowed: ["https://catalog.example.com"] },
        may_act_for: ["shop/orders"],
        access_ttl: "15m",
        permissions: ["introspect", "watch_revocations"],
        serves: ["https://catalog.example.com"],
      }),
    ]);
    const { workloads, warnings } = read({ yaml });
    expect(warnings).toEqual([]);
    expect(workloads[0]).toMatchObject({
      name: "shop",
      prefix: "shop/",
      except: ["system:serviceaccount:shop:default"],
      template: { accessTtlMs: 15 * MINUTE, actForIssuers: new Set(), secrets: [], workload: { rule: "shop" } },
    });
  });

  test("alone is enough for somebody to get a token", () => {
    expect(warned(shop())).toEqual([]);
  });

  test.each(["secrets", "jwks", "jwks_uri", "federated", "unsecured_subjects", "id"])("has no %s", (name) => {
    expect(found(shop({ [name]: [] }))).toEqual([expect.stringContaining(`workloads[0].${name} is no setting`)]);
  });

  test.each(["revoke", "rotate_keys"])("gives no permission to %s", (permission) => {
    expect(found(shop({ permissions: [permission] }))).toEqual([
      expect.stringContaining("workloads[0].permissions[0]"),
    ]);
  });

  test("has a name of its own", () => {
    const other = shop({ subject: "system:serviceaccount:web:*", client_id: "web/{1}" });
    expect(found(shop(), other)).toEqual([
      "workloads[1].name is the name of another rule already, at /etc/icemint.yaml: workloads[0].name",
    ]);
  });
});

describe("a subject is refused", () => {
  test.each<[string, string, string]>([
    ["with a star in a part", "repo:acme*/x", "only as a whole part"],
    ["with two stars in a part", "a:**", "only as a whole part"],
    ["that begins with a star", "*:serviceaccount:shop:x", "a part of its own"],
    ["that is a star", "*", "a part of its own"],
    ["that begins with a delimiter", ":*", "a part of its own"],
    ["that no service account has: too short", "system:serviceaccount:*", "matches nothing"],
    ["that no service account has: too long", "system:serviceaccount:a:b:*", "matches nothing"],
    ["with a character that no subject has", "a:\u200b:*", "matches nothing"],
  ])("%s", (_, subject, reason) => {
    expect(found(shop({ subject }))).toEqual([expect.stringMatching(`^workloads\\[0\\]\\.subject .*${reason}`)]);
  });

  test("of another trust domain than its issuer's", () => {
    expect(found(shop({ issuer: DOMAIN, subject: "spiffe://example.org.evil/ns/*" }))[0]).toContain("matches nothing");
    expect(warned(shop({ issuer: DOMAIN, subject: "spiffe://example.org/ns/shop/sa/*" }))).toEqual([]);
  });

  test("that a registered client has already, where it is no pattern", () => {
    const subject = "system:serviceaccount:shop:orders";
    const client = { id: "orders", federated: [{ issuer: CLUSTER, subject }] };
    const yaml = settings([shop({ subject, client_id: "exact" })], { clients: [client] });
    expect(problems({ yaml })).toEqual([expect.stringContaining("matches nothing: the client at")]);
  });

  test.each(["system:serviceaccount:*:*"])("or only warned of, if it matches all there is: %s", (subject) => {
    expect(warned(shop({ subject, client_id: "k8s/{1}/{2}" }))).toEqual([
      expect.stringContaining("matches every workload of the issuer"),
    ]);
  });
});

describe("a client id is refused", () => {
  test.each([
    ["without the star", "shop/x"],
    ["without a prefix", "{1}"],
    ["whose prefix does not end with a slash", "shop-{1}"],
    ["with the star twice", "shop/{1}/{1}"],
    ["with a star that is not there", "shop/{1}/{2}"],
    ["with something behind the star", "shop/{1}/x"],
    ["with a prefix that begins with a slash", "/{1}"],
  ])("%s", (_, clientId) => {
    expect(found(shop({ client_id: clientId }))).toEqual([expect.stringContaining("workloads[0].client_id must be")]);
  });

  test.each(["k8s/{2}/{1}", "k8s/{1}{2}", "k8s/{1}-{2}", "k8s/{1}"])("that names two stars as %s", (clientId) => {
    const subject = "system:serviceaccount:*:*";
    expect(found(shop({ subject, client_id: clientId }))).toEqual([
      expect.stringContaining("workloads[0].client_id must be a prefix that ends with a slash, then {1}/{2}"),
    ]);
  });

  test.each<[string, Yaml]>([
    ["a client has it", { clients: [{ id: "shop/orders", disabled: true }] }],
    ["a client's id begins it", { clients: [{ id: "shop", disabled: true }] }],
  ])("if %s", (_, more) => {
    expect(problems({ yaml: settings([shop()], more) })).toEqual([
      expect.stringContaining("workloads[0].client_id has a prefix (shop/) that begins like the client at"),
    ]);
  });

  test.each(["shop/web/{1}", "shop/{1}"])("if another rule's prefix begins it or is begun by it: %s", (clientId) => {
    const other = shop({ name: "web", subject: "system:serviceaccount:web:*", client_id: clientId });
    expect(found(shop(), other)).toEqual([expect.stringContaining("workloads[1].client_id has a prefix")]);
  });

  test("if an issuer's users begin like it", () => {
    const yaml = settings([shop()]).replace("idp:", "shop/u");
    expect(problems({ yaml })).toEqual([expect.stringContaining("begins like the users of the issuer at")]);
  });
});

describe("two rules", () => {
  const all = (changes: Yaml = {}) =>
    shop({ name: "all", subject: "system:serviceaccount:*:*", client_id: "all/{1}/{2}", ...changes });

  test("that could match one token are refused", () => {
    expect(found(shop(), all())).toEqual([
      expect.stringMatching(/workloads\[1\]\.subject overlaps .* both match system:serviceaccount:shop:\*/),
    ]);
  });

  test("do not overlap where their claims cannot both be met", () => {
    const claims = (namespace: unknown) => ({ claims: { "kubernetes.io": { namespace } } });
    expect(found(shop(claims("shop")), all(claims(["shop", "web"])))).toHaveLength(1);
    expect(warned(shop(claims("shop")), all(claims(["web"])))).toHaveLength(1);
  });

  test("do not overlap in one subject that either excepts", () => {
    const subject = "system:serviceaccount:shop:default";
    const exact = shop({ name: "default", subject, client_id: "default" });
    expect(found(shop(), exact)).toHaveLength(1);
    expect(warned(shop({ except: [subject] }), exact)).toEqual([]);
  });

  test("of two issuers never overlap", () => {
    const claims = { repository_owner_id: "1" };
    expect(warned(shop(), shop({ name: "gh", issuer: GITHUB, client_id: "gh/{1}", claims }))).toEqual([]);
  });
});

describe("claims and exceptions", () => {
  test("a rule on an issuer that many parties share names the owner", () => {
    const github = (changes: Yaml) =>
      shop({ issuer: GITHUB, subject: "repo:acme/*:ref:refs/heads/main", client_id: "ci/{1}", ...changes });
    expect(found(github({}))).toEqual([expect.stringContaining("workloads[0].claims must name the owner")]);
    expect(found(github({ claims: { ref: "refs/heads/main" } }))).toHaveLength(1);
    expect(warned(github({ claims: { repository_owner_id: "123" } }))).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["of no values", { owner: [] }],
    ["of an empty object", { k: {} }],
    ["of null", { owner: null }],
    ["of a list in a list", { owner: [["a"]] }],
    ["of an object in a list", { owner: [{ a: 1 }] }],
    ["of a number that is too large", { owner: 2 ** 60 }],
    ["on the subject", { sub: "x" }],
    ["on the audience", { aud: "x" }],
  ])("a condition %s is refused", (_, claims) => {
    expect(found(shop({ claims }))).toEqual([expect.stringMatching(/^workloads\[0\]\.claims/)]);
  });

  test("a condition with a star is warned of: it is no pattern", () => {
    expect(warned(shop({ claims: { ref: "refs/heads/*" } }))[0]).toContain("* is no pattern");
  });

  test.each(["system:serviceaccount:web:default", "system:serviceaccount:shop:*"])(
    "an exception that excepts nothing is refused: %s",
    (subject) => {
      expect(found(shop({ except: [subject] }))).toEqual([expect.stringContaining("excepts nothing")]);
    },
  );

  test("an exception that leaves nothing is refused", () => {
    const subject = "system:serviceaccount:shop:orders";
    expect(found(shop({ subject, client_id: "exact", except: [subject] }))).toEqual([
      expect.stringContaining("the rule matches nothing"),
    ]);
  });
});

describe("issuers", () => {
  test("a rule's issuer is trusted with client_assertion, byte for byte", () => {
    expect(found(shop({ issuer: `${CLUSTER}/` }))).toEqual([
      expect.stringContaining("workloads[0].issuer is not among trusted_issuers"),
    ]);
    expect(found(shop({ issuer: USERS }))[0]).toContain("its use lacks client_assertion");
  });

  test("act_for_issuers, of rules and of clients, names issuers that have users", () => {
    expect(warned(shop({ act_for_issuers: [USERS] }))).toEqual([]);
    expect(found(shop({ act_for_issuers: [CLUSTER] }))).toEqual([
      expect.stringContaining("workloads[0].act_for_issuers[0] is not among trusted_issuers"),
    ]);
    const yaml = settings([], { clients: [{ id: "a", disabled: true, act_for_issuers: ["https://other"] }] });
    expect(refusal({ yaml }).problems).toMatchObject([{ path: "clients[0].act_for_issuers[0]" }]);
  });

  test("may_act_for may name an id that a rule derives", () => {
    expect(warned(shop({ may_act_for: ["shop/pay"] }))).toEqual([]);
    expect(warned(shop({ may_act_for: ["shop/pay/x", "shopping"] }))).toHaveLength(2);
  });
});
