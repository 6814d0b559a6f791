import { certificateFor, privateKeyPem } from "../key-material.js";
import { describe, expect, test } from "vitest";
import { problems, read } from "../settings.js";

function withIssuers(...issuers: readonly string[]): string {
  return ["issuer: https://tokens.example.com", "trusted_issuers:", ...issuers.map((one) => `  - ${one}`)].join("\n");
}

function users(name: string, prefix: string): string {
  return `{ issuer: https://${name}.example.com, discovery: true, use: [subject_token], subject: { prefix: "${prefix}" } }`;
}

describe("prefixes of users", () => {
  test("are required: without one a user could be taken for a client", () => {
    const empty = "{ issuer: https://a.example.com, discovery: true, use: [subject_token], subject: { prefix: '' } }";
    const absent = "{ issuer: https://b.example.com, discovery: true, use: [subject_token] }";
    expect(problems({ yaml: withIssuers(empty, absent) }).map((line) => line.slice(0, 50))).toEqual([
      "trusted_issuers[0].subject.prefix must not be empty".slice(0, 50),
      expect.stringMatching(/^trusted_issuers\[0\]\.subject\.prefix is missing/),
      expect.stringMatching(/^trusted_issuers\[1\]\.subject\.prefix is missing/),
    ]);
  });

  test.each([
    ["idp:", "idp:"],
    ["idp:", "idp:eu:"],
    ["idp:eu:", "idp:"],
  ])("%s and %s are refused: users of one could be named like users of the other", (a, b) => {
    expect(problems({ yaml: withIssuers(users("a", a), users("b", b)) })).toEqual([
      expect.stringMatching(
        /^trusted_issuers\[1\]\.subject\.prefix (equals|begins like, .*) the prefix at \/etc\/icemint\.yaml: trusted_issuers\[0\]: /,
      ),
    ]);
  });

  test("are those of ID-JAGs as well", () => {
    const bare = "{ issuer: https://a.example.com, discovery: true, use: [id_jag] }";
    expect(problems({ yaml: withIssuers(bare) })).toEqual([
      expect.stringMatching(/^trusted_issuers\[0\]\.subject\.prefix is missing/),
    ]);
    const second = users("b", "idp:").replace("subject_token", "id_jag");
    expect(problems({ yaml: withIssuers(users("a", "idp:"), second) })).toEqual([
      expect.stringMatching(/^trusted_issuers\[1\]\.subject\.prefix equals/),
    ]);
  });

  test("that differ are fine, and issuers of workloads alone need none", () => {
    const workloads = "{ issuer: https://k8s.example.com, discovery: true, use: [client_assertion] }";
    expect(read({ yaml: withIssuers(users("a", "a:"), users("b", "b:"), workloads) }).trustedIssuers).toHaveLength(3);
  });
});

test.each(["https://tokens.example.com", "https://tokens.example.com/", "https://Tokens.example.com"])(
  "this server itself is refused as %s: its tokens have rules of their own",
  (issuer) => {
    expect(
      problems({ yaml: withIssuers(`{ issuer: "${issuer}", discovery: true, use: [client_assertion] }`) }),
    ).toEqual(["trusted_issuers[0].issuer is this server itself, whose tokens have rules of their own: remove it"]);
  },
);

test("an issuer is trusted once", () => {
  const one = "{ issuer: https://a.example.com, discovery: true, use: [client_assertion], trust_domain: example.org }";
  expect(problems({ yaml: withIssuers(one, one) })).toEqual([
    "trusted_issuers[1].issuer is trusted already, at /etc/icemint.yaml: trusted_issuers[0]",
    "trusted_issuers[1].trust_domain is trusted already, at /etc/icemint.yaml: trusted_issuers[0]",
  ]);
});

test.each(["HS256", "HS512", "none", "RS1", "ES256K", "rs256", "dir"])(
  "algorithm %s is refused: symmetric, broken or unknown",
  (algorithm) => {
    const issuer = `{ issuer: https://a.example.com, discovery: true, use: [client_assertion], algorithms: [RS256, ${algorithm}] }`;
    expect(problems({ yaml: withIssuers(issuer) })).toEqual([
      expect.stringMatching(/^trusted_issuers\[0\]\.algorithms\[1\] must be one of RS256, RS384, /),
    ]);
  },
);

describe("keys of an issuer", () => {
  test.each([
    ["jwks_uri: https://a.example.com/jwks", { kind: "uri", uri: "https://a.example.com/jwks" }],
    ["discovery: true", { kind: "discovery" }],
    ["jwks_file: keys.json", { kind: "file", path: "/etc/keys.json" }],
    ["jwks_file: keys.json, discovery: false", { kind: "file", path: "/etc/keys.json" }],
  ])("come from %s", (source, keys) => {
    const yaml = withIssuers(`{ issuer: https://a.example.com, use: [client_assertion], ${source} }`);
    expect(read({ yaml, files: { "/etc/keys.json": '{"keys":[]}' } }).trustedIssuers[0]?.keys).toEqual(keys);
  });

  test.each(["claims: []", "discovery: false", "discovery: true, jwks_uri: https://a.example.com/jwks"])(
    "come from one place: %s is refused",
    (source) => {
      const yaml = withIssuers(`{ issuer: https://a.example.com, use: [client_assertion], ${source} }`);
      expect(problems({ yaml })).toEqual([
        "trusted_issuers[0] must have exactly one of jwks_uri, jwks_file, discovery",
      ]);
    },
  );

  test("cannot be discovered of an issuer that is no URL", () => {
    const yaml = withIssuers("{ issuer: spiffe://example.org, discovery: true, use: [client_assertion] }");
    expect(problems({ yaml })).toEqual(["trusted_issuers[0].discovery needs an issuer that is an http or https URL"]);
  });

  test("fetched in clear are told, from this machine not", () => {
    const at = (uri: string) => `{ issuer: "x:${uri}", jwks_uri: "${uri}", use: [client_assertion] }`;
    expect(
      read({ yaml: withIssuers(at("http://a.example.com/jwks"), at("http://localhost:1/jwks")) }).warnings,
    ).toEqual([
      "/etc/icemint.yaml: trusted_issuers[0].jwks_uri: is fetched in clear: anyone on the way can put in a key",
      "/etc/icemint.yaml: clients: is empty: nobody gets a token",
    ]);
  });

  test("and their files must be there; a key file is watched", () => {
    const more = "jwks_file: /k.json, ca_file: /ca.crt, token_file: /token";
    const yaml = withIssuers(`{ issuer: https://a.example.com, use: [client_assertion], ${more} }`);
    expect(problems({ yaml })).toEqual([
      "trusted_issuers[0].jwks_file names a file that is not there",
      "trusted_issuers[0].ca_file names a file that is not there",
      "trusted_issuers[0].token_file names a file that is not there",
    ]);
    const config = read({
      yaml,
      files: { "/k.json": '{"keys":[]}', "/ca.crt": certificateFor(privateKeyPem()), "/token": "t" },
    });
    expect(config.trustedIssuers[0]).toMatchObject({ caFile: "/ca.crt", tokenFile: "/token" });
    expect(config.files).toContain("/k.json");
    expect(config.files).not.toContain("/token");
  });
});

test("what an issuer may be used for is said, never assumed", () => {
  const yaml = withIssuers(
    "{ issuer: https://a.example.com, discovery: true }",
    "{ issuer: https://b.example.com, discovery: true, use: [] }",
  );
  expect(problems({ yaml })).toEqual(["trusted_issuers[0].use is missing", "trusted_issuers[1].use must not be empty"]);
});

test("copied claims are none that only icemint sets", () => {
  const yaml = withIssuers(
    "{ issuer: https://a.example.com, discovery: true, use: [client_assertion], claims: [email, sub, aud] }",
  );
  expect(problems({ yaml })).toEqual([
    "trusted_issuers[0].claims[1] is a claim that only icemint sets",
    "trusted_issuers[0].claims[2] is a claim that only icemint sets",
  ]);
});

test("absent settings of an issuer", () => {
  const yaml = withIssuers("{ issuer: https://a.example.com, discovery: true, use: [client_assertion] }");
  expect(read({ yaml }).trustedIssuers[0]).toEqual({
    issuer: "https://a.example.com",
    keys: { kind: "discovery" },
    caFile: undefined,
    tokenFile: undefined,
    audience: ["https://tokens.example.com"],
    assertionAudience: undefined,
    maxAssertionAgeMs: undefined,
    singleUse: false,
    algorithms: new Set(["RS256", "ES256"]),
    use: new Set(["client_assertion"]),
    copiedClaims: [],
    subject: { claim: "sub", prefix: "" },
    trustDomain: undefined,
  });
});

describe("audiences", () => {
  const both = (more: string) =>
    withIssuers(
      `{ issuer: https://a, discovery: true, use: [subject_token, client_assertion], subject: { prefix: "a:" }, ${more} }`,
    );

  test("may be one or several, and an assertion's may be told apart", () => {
    const [issuer] = read({
      yaml: both("audience: [https://u, https://v], assertion_audience: https://w"),
    }).trustedIssuers;
    expect(issuer).toMatchObject({ audience: ["https://u", "https://v"], assertionAudience: ["https://w"] });
  });

  test("of an issuer of ID-JAGs alone are warned of: an ID-JAG is for our issuer", () => {
    const issuer = (more: string) =>
      withIssuers(`{ issuer: https://a, discovery: true, use: [id_jag], subject: { prefix: "a:" }${more} }`);
    const reason = expect.stringContaining("trusted_issuers[0].audience: has no effect");
    expect(read({ yaml: issuer(", audience: https://u") }).warnings).toContainEqual(reason);
    expect(read({ yaml: issuer("") }).warnings).not.toContainEqual(reason);
  });

  test("several that serve users and assertions alike are warned of", () => {
    const { warnings } = read({ yaml: both("audience: [https://u, https://v]") });
    expect(warnings).toContainEqual(expect.stringContaining("a user's token could authenticate a client"));
  });

  test.each(["[]", '"a b"', "[1]", '[""]'])("that are %s are refused", (audience) => {
    expect(problems({ yaml: both(`audience: ${audience}`) })).toEqual([expect.stringContaining("must be a name")]);
  });

  test("of assertions are none of users' tokens", () => {
    expect(problems({ yaml: both("audience: [https://u], assertion_audience: [https://u]") })).toEqual([
      expect.stringContaining("is an audience of users' tokens too"),
    ]);
  });
});
