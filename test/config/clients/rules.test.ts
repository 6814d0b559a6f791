import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { generateSecret } from "../../../src/config/clients/secret.js";
import { DIGEST, LONG_SECRET, client, problems, read, refusal, withClients } from "../settings.js";
import { MINUTE, SECOND } from "../../../src/time/clock.js";

const OTHER_DIGEST = "6".repeat(64);

function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function withSecrets(...secrets: readonly string[]): string {
  return ["clients:", ...secrets.map((secret, index) => `  - { id: c${index}, secrets: [${secret}] }`)].join("\n");
}

/** What the YAML of one client is warned of or refused for. */
function findings(yaml: string): { readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  try {
    return { problems: [], warnings: read({ yaml }).warnings };
  } catch {
    const { problems: found, warnings } = refusal({ yaml });
    return { problems: found.map(({ path, reason }) => `${path} ${reason}`), warnings };
  }
}

describe("ids", () => {
  test.each(["a", "spark-etl", "a.b_c~d@e/f-1", "x".repeat(128)])("%s is one", (id) => {
    expect(read({ yaml: withClients(client(id)) }).clients[0]?.id).toBe(id);
  });

  test.each(["a b", "a:b", "ä", "a%20", "a+b", 'a"', "x".repeat(129), ""])("%j is none", (id) => {
    expect(problems({ yaml: `clients: [{ id: ${JSON.stringify(id)}, disabled: true }]` })).toEqual([
      expect.stringMatching(/^clients\[0\]\.id /),
    ]);
  });

  test("a number must be quoted, so that 007 and 7 cannot be confused", () => {
    expect(problems({ yaml: withClients(client("007")) })[0]).toMatch(
      /^clients\[0\]\.id must be a string \(put it in quotes/,
    );
  });

  test("the same id twice is refused, also across files, and both places are named", () => {
    const yaml = "clients_files: [clients.d/*.yaml]\nclients:\n  - { id: a, disabled: true }";
    const files = {
      "/etc/clients.d/one.yaml": "- { id: b, disabled: true }\n- { id: a, disabled: true }",
      "/etc/clients.d/two.yaml": "clients: [{ id: b, disabled: true }]",
    };
    expect(refusal({ yaml, files }).problems).toMatchObject([
      {
        file: "/etc/clients.d/one.yaml",
        line: 2,
        path: "[1].id",
        reason: "is the id of another client already, at /etc/icemint.yaml: clients[0].id",
      },
      {
        file: "/etc/clients.d/two.yaml",
        line: 1,
        path: "clients[0].id",
        reason: "is the id of another client already, at /etc/clients.d/one.yaml: [0].id",
      },
    ]);
  });

  test("an id that a mapped user could have is refused", () => {
    const yaml = `
trusted_issuers:
  - { issuer: https://idp.example.com, discovery: true, use: [subject_token], subject: { prefix: idp/ } }
clients: [{ id: idp/spark, disabled: true }, { id: spark/idp, disabled: true }]`;
    expect(problems({ yaml })).toEqual([
      "clients[0].id begins like the users of https://idp.example.com (idp/): one of them could be taken for this client",
    ]);
  });
});

describe("secrets", () => {
  test.each(["", "secret", "password", "changeme", "admin", "123456", "secret\n", "c0", "icemint"])(
    "the digest of %j is refused: anybody would try it first",
    (word) => {
      expect(problems({ yaml: withSecrets(`{ sha256: "${digest(word).toUpperCase()}" }`) })).toEqual([
        "clients[0].secrets[0].sha256 is the digest of a word that anybody would try first",
      ]);
    },
  );

  test("the same secret at two clients is refused, whichever way each has it", () => {
    const files = { "/etc/s": `${LONG_SECRET}\n` };
    const yaml = withSecrets(`{ file: s }`, `{ env: S }`, `{ sha256: "${digest(LONG_SECRET)}" }`);
    expect(problems({ yaml, files, env: { S: LONG_SECRET } })).toEqual([
      "clients[1].secrets[0].env is the same secret as another client's, at /etc/icemint.yaml: clients[0].secrets[0].file",
      "clients[2].secrets[0].sha256 is the same secret as another client's, at /etc/icemint.yaml: clients[0].secrets[0].file",
    ]);
  });

  test("the same slow hash at two clients is refused", () => {
    const scrypt = '{ scrypt: "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g" }';
    expect(problems({ yaml: withSecrets(scrypt, scrypt) })).toEqual([
      expect.stringMatching(/^clients\[1\]\.secrets\[0\]\.scrypt is the same secret as another client's, at /),
    ]);
  });

  test("the same secret twice at one client is told", () => {
    expect(findings(withSecrets(`{ sha256: "${DIGEST}" }, { sha256: "${DIGEST}" }`))).toEqual({
      problems: [],
      warnings: [expect.stringContaining("clients[0].secrets[1].sha256: is the same secret as ")],
    });
  });

  test.each([
    ["a-secret-of-23-character", false],
    ["a-secret-of-23-characte", true],
    ["x".repeat(1025), true],
    [`${LONG_SECRET}\nwith-a-second-line`, true],
  ])("a secret in clear has 24 to 1024 characters on one line: %j", (secret, isRefused) => {
    const reason = "leads to a secret that is not 24 to 1024 characters on one line";
    const given = { yaml: withSecrets("{ env: S }"), env: { S: secret } };
    if (isRefused) {
      expect(problems(given)).toEqual([`clients[0].secrets[0].env ${reason}`]);
      expect(refusal(given).message).not.toContain(secret);
    } else expect(read(given).clients[0]?.secrets).toHaveLength(1);
  });

  test("a variable or file that is not there is refused by name", () => {
    expect(problems({ yaml: withSecrets("{ env: S }, { file: nowhere }") })).toEqual([
      "clients[0].secrets[0].env names a variable that is not set",
      "clients[0].secrets[1].file cannot be read: there is no such file",
    ]);
  });

  test("one in clear identifies its client only if it was generated", () => {
    const generated = generateSecret(randomBytes);
    const identifies = (secret: string) => {
      const [found] = read({ yaml: withSecrets("{ env: S }"), env: { S: secret } }).clients[0]?.secrets ?? [];
      return found?.kind === "digest" && found.identifies;
    };
    expect(identifies(`${generated.slice(0, -6)}------`)).toBe(false);
    expect(identifies(LONG_SECRET)).toBe(false);
    expect(identifies(generated)).toBe(true);
  });

  test.each(["{}", `{ sha256: "${DIGEST}", env: S }`, "{ expires: 2030-01-01 }"])(
    "%s is refused: a secret has exactly one kind",
    (secret) => {
      expect(problems({ yaml: withSecrets(secret) })).toEqual([
        "clients[0].secrets[0] must have exactly one of sha256, scrypt, env, file",
      ]);
    },
  );

  test("a secret where a name belongs is not repeated", () => {
    const { message } = refusal({ yaml: withSecrets("{ hunter2hunter2: }", "hunter3hunter3") });
    expect(message).not.toMatch(/hunter/);
    expect(message).toContain("clients[0].secrets[0] holds a name that is no setting; known here: sha256, scrypt, env");
    expect(message).toContain("clients[1].secrets[0] must hold settings by name");
  });

  test.each([
    ["2027-01-31T00:00:00Z", "2027-01-31T00:00:00.000Z"],
    ["2027-01-31", "2027-01-31T00:00:00.000Z"],
    ["2027-01-31T02:00+02:00", "2027-01-31T00:00:00.000Z"],
  ])("expires: %s is an instant", (written, instant) => {
    const [secret] =
      read({ yaml: withSecrets(`{ sha256: "${DIGEST}", expires: ${written} }`) }).clients[0]?.secrets ?? [];
    expect(secret?.expiresAt).toBe(Date.parse(instant));
  });

  test.each(["2027-01-31T00:00:00", "tomorrow", "2027-13-01", "1700000000"])("expires: %s is none", (written) => {
    expect(problems({ yaml: withSecrets(`{ sha256: "${DIGEST}", expires: ${written} }`) })).toEqual([
      "clients[0].secrets[0].expires must be a date, or a date and time with its zone",
    ]);
  });
});

describe("federated identities", () => {
  test("an issuer that is not trusted, or not for this, is refused", () => {
    const yaml = `
trusted_issuers:
  - { issuer: https://users.example.com, discovery: true, use: [subject_token], subject: { prefix: "u:" } }
clients:
  - { id: a, federated: [{ issuer: https://users.example.com, subject: s }, { issuer: https://none.example.com, subject: s }] }`;
    expect(problems({ yaml })).toEqual([
      "clients[0].federated[0].issuer is trusted, but not for this: its use lacks client_assertion",
      "clients[0].federated[1].issuer is not among trusted_issuers",
    ]);
  });

  test("the same identity at two clients is refused", () => {
    const federated = "federated: [{ issuer: https://idp.example.com, subject: s }]";
    expect(problems({ yaml: withClients(`{ id: a, ${federated} }`, `{ id: b, ${federated} }`) })).toEqual([
      "clients[1].federated[0] is the same identity as at /etc/icemint.yaml: clients[0].federated[0]",
    ]);
  });
});

describe("what a client may have", () => {
  test("a way to prove who it is, unless it is disabled", () => {
    expect(
      problems({ yaml: "clients: [{ id: a }, { id: b, jwks: { keys: [] } }, { id: c, disabled: true }]" }),
    ).toEqual([
      expect.stringMatching(/^clients\[0\] has no way to prove who it is: /),
      expect.stringMatching(/^clients\[1\] has no way to prove who it is: /),
    ]);
  });

  test.each(["iss", "sub", "exp", "act", "sid", "unsecured_subject"])(
    "no static claim %s, which only icemint sets",
    (name) => {
      expect(problems({ yaml: withClients(client("a", `claims: { ${name}: x }`)) })).toEqual([
        `clients[0].claims.${name} is a claim that only icemint sets`,
      ]);
    },
  );

  test.each(["iss", "act", "copied_claims"])("no user claim %s, which only icemint sets", (name) => {
    expect(problems({ yaml: withClients(client("a", `user_claims: { ${name}: x }`)) })).toEqual([
      `clients[0].user_claims.${name} is a claim that only icemint sets`,
    ]);
  });

  test("static claims of bounded size and depth", () => {
    const deep = `claims: { a: ${"[".repeat(8)}${"]".repeat(8)} }`;
    const large = `claims: { a: ${"x".repeat(4096)} }`;
    const reason = "clients[0].claims must map names to JSON values, at most 4096 characters and 8 levels";
    expect(problems({ yaml: withClients(client("a", deep)) })).toEqual([reason]);
    expect(problems({ yaml: withClients(client("a", large)) })).toEqual([reason]);
    expect(problems({ yaml: withClients(client("a", "claims: { __proto__: { a: 1 } }")) })).toEqual([reason]);
  });

  test("tokens that live as long as others', or shorter, never longer", () => {
    const yaml = (ttl: string) => `tokens: { access_ttl: 30m }\n${withClients(client("a", `access_ttl: ${ttl}`))}`;
    expect(read({ yaml: yaml("30m") }).clients[0]?.accessTtlMs).toBe(30 * MINUTE);
    expect(read({ yaml: yaml("10s") }).clients[0]?.accessTtlMs).toBe(10 * SECOND);
    expect(problems({ yaml: yaml("31m") })).toEqual([
      "clients[0].access_ttl must not be longer than tokens.access_ttl (30m)",
    ]);
  });

  test("defaults among what it is allowed, and scope words of RFC 6749", () => {
    const more = 'scopes: { allowed: [catalog, "a b"], default: [other] }, audiences: { allowed: [x], default: [y] }';
    expect(problems({ yaml: withClients(client("a", more)) })).toEqual([
      'clients[0].scopes.allowed[1] must be one scope word: printable ASCII without spaces, " and \\',
      "clients[0].audiences.default[0] is not among the allowed ones",
    ]);
    expect(problems({ yaml: withClients(client("a", "scopes: { allowed: [catalog], default: [other] }")) })).toEqual([
      "clients[0].scopes.default[0] is not among the allowed ones",
    ]);
  });

  test("an audience: a token is always for somebody", () => {
    expect(problems({ yaml: withClients(client("a", "audiences: { allowed: [] }")) })).toEqual([
      "clients[0].audiences.allowed must not be empty: a token is always for somebody",
    ]);
  });

  test("public keys that are public, whole and long enough", () => {
    const jwk = (key: object) => JSON.stringify(key);
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
    const keys = [
      jwk(ec.publicKey.export({ format: "jwk" })),
      jwk(ec.privateKey.export({ format: "jwk" })),
      jwk({ kty: "oct", k: "c2VjcmV0" }),
      jwk({ kty: "EC", crv: "P-256" }),
      jwk({ kty: "foo" }),
      jwk(rsa),
      "text",
    ];
    expect(problems({ yaml: `clients: [{ id: a, jwks: { keys: [${keys.join(", ")}] } }]` })).toEqual([
      "clients[0].jwks.keys[1] must not hold a private or symmetric key",
      "clients[0].jwks.keys[2] must not hold a private or symmetric key",
      "clients[0].jwks.keys[3] is not a complete public key (RFC 7518 section 6)",
      "clients[0].jwks.keys[4] must have kty EC, RSA or OKP",
      "clients[0].jwks.keys[5] must have at least 2048 bits (RFC 7518 section 3.3)",
      "clients[0].jwks.keys[6] must be a key (RFC 7517)",
    ]);
  });

  test("keys in one place only", () => {
    const yaml = "clients: [{ id: a, jwks: { keys: [] }, jwks_uri: https://a.example.com/jwks }, { id: b, jwks: {} }]";
    expect(problems({ yaml })).toEqual([
      "clients[0] must not have both jwks and jwks_uri",
      "clients[1].jwks.keys must be a list of public keys (RFC 7517)",
      expect.stringMatching(/^clients\[1\] has no way/),
    ]);
  });
});

describe("what is only told", () => {
  test.each([
    ["grants: [client_credentials, refresh_token]", "clients[0].grants: has refresh_token without token_exchange"],
    ["grants: []", "clients[0].grants: is empty"],
    ["scopes: { allowed: [orders.read] }", "clients[0].scopes.allowed: lacks catalog"],
    ["may_act_for: [nobody]", "clients[0].may_act_for[0]: names a client that does not exist (nobody)"],
    ['unsecured_subjects: { allow: ["*"] }', "clients[0].unsecured_subjects.allow: lets this client name any user"],
    ["jwks_uri: http://a.example.com/jwks", "clients[0].jwks_uri: is fetched in clear"],
  ])("%s", (more, warning) => {
    const { warnings, problems: found } = findings(withClients(client("a", more)));
    expect(found).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
  });

  test.each(["permissions: [rotate_keys]", "serves: [https://catalog.example.com]"])(
    "a client without grants that has %s is no matter: it needs no token",
    (more) => {
      expect(findings(withClients(client("a", `grants: [], ${more}`)))).toEqual({ problems: [], warnings: [] });
    },
  );

  test("keys fetched in clear from this machine are no matter", () => {
    expect(findings(withClients(client("a", "jwks_uri: http://127.0.0.1:1/jwks")))).toEqual({
      problems: [],
      warnings: [],
    });
  });

  test("many clients without the scope catalog make one warning", () => {
    const clients = Array.from({ length: 7 }, (_, n) => client(`c${n}`, "scopes: { allowed: [x] }"));
    expect(read({ yaml: withClients(...clients) }).warnings).toEqual([
      expect.stringContaining("(c0, c1, c2, c3, c4 and 2 more)"),
    ]);
  });
});

test("two different secrets, ids and identities are no matter", () => {
  expect(findings(withSecrets(`{ sha256: "${DIGEST}" }`, `{ sha256: "${OTHER_DIGEST}" }`))).toEqual({
    problems: [],
    warnings: [],
  });
});

describe("client files", () => {
  test("hold a list, or a mapping with clients, and are watched", () => {
    const yaml = "clients_files: ['clients.d/*.yaml', '/srv/more.yaml']";
    const files = {
      "/etc/clients.d/a.yaml": "- { id: a, disabled: true }",
      "/etc/clients.d/b.yaml": "clients: [{ id: b, disabled: true }]",
      "/etc/clients.d/c.yaml": "",
      "/etc/clients.d/d.json": "- { id: d }",
      "/srv/more.yaml": "[{ id: e, disabled: true }]",
    };
    const config = read({ yaml, files });
    expect(config.clients.map(({ id }) => id)).toEqual(["a", "b", "e"]);
    expect(config.files).toEqual([
      "/etc/icemint.yaml",
      "/etc/clients.d/a.yaml",
      "/etc/clients.d/b.yaml",
      "/etc/clients.d/c.yaml",
      "/srv/more.yaml",
    ]);
    expect(config.filePatterns).toEqual(["/etc/clients.d/*.yaml", "/srv/more.yaml"]);
  });

  test("name secrets relative to themselves", () => {
    const yaml = "clients_files: [teams/*.yaml]";
    const files = {
      "/etc/teams/a.yaml": "- { id: a, secrets: [{ file: a.secret }] }",
      "/etc/teams/a.secret": LONG_SECRET,
    };
    expect(read({ yaml, files }).clients[0]?.secrets).toHaveLength(1);
  });

  test("a file that two patterns match is read once, and one that matches none is told", () => {
    const yaml = "clients_files: [c/*.yaml, c/a.*, none/*]";
    const config = read({ yaml, files: { "/etc/c/a.yaml": "- { id: a, disabled: true }" } });
    expect(config.clients).toHaveLength(1);
    expect(config.warnings).toEqual(["/etc/icemint.yaml: clients_files[2]: matches no file"]);
  });

  test("hold nothing but clients", () => {
    const yaml = "clients_files: [c/*.yaml]";
    expect(problems({ yaml, files: { "/etc/c/a.yaml": "tokens: {}", "/etc/c/b.yaml": "text" } })).toEqual([
      expect.stringMatching(/^tokens is no setting/),
      "clients is missing",
      "must be a list",
    ]);
  });
});
