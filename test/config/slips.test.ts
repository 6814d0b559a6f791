/** Settings that were meant otherwise: `check-config` says so before a server starts, and how to write them. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { certificateFor, privateKeyPem } from "./key-material.js";
import { LONG_SECRET, SEALING_KEY, client, problems, read, withClients } from "./settings.js";

const key = privateKeyPem();
const certificate = certificateFor(key);
const other = privateKeyPem();
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encrypted = pair.privateKey
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" })
  .toString();
const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
const SECRET = "icm_0000000000000000000000000000000000000000000000";

describe("a file that a server could not use is a problem of its setting", () => {
  const files = {
    "/k.pem": key,
    "/other.pem": other,
    "/encrypted.pem": encrypted,
    "/public.pem": publicKey,
    "/c.pem": certificate,
    "/text": "no key",
    "/empty": "",
    "/jwks": '{"keys":[]}',
    "/json": "{}",
  };
  const tls = (cert: string, keyFile: string) => `http: { tls: { cert_file: ${cert}, key_file: ${keyFile} } }`;
  const redis = (more: string) => `issuer: https://t.example.com\nredis: { url: redis://r, ${more} }`;
  const issuer = (more: string) =>
    `trusted_issuers: [{ issuer: https://i.example.com, use: [client_assertion], ${more} }]`;

  test.each([
    [
      "keys: { files: [encrypted.pem] }",
      "keys.files[0] names a file that is protected by a passphrase: store it without one",
    ],
    ["keys: { files: [text] }", "keys.files[0] names a file that is neither PEM nor a JWK"],
    [
      "keys: { files: [c.pem] }",
      "keys.files[0] holds a public key: the first file must hold the private key that signs",
    ],
    [
      "keys: { files: [public.pem] }",
      "keys.files[0] holds a public key: the first file must hold the private key that signs",
    ],
    ["keys: { files: [k.pem, k.pem] }", "keys.files[1] holds the same key as keys.files[0]"],
    [
      "keys: { vault: { url: https://v, key: k, token_file: empty } }",
      "keys.vault.token_file names a file that is empty",
    ],
    [tls("c.pem", "other.pem"), "http.tls.key_file holds the key of another certificate than cert_file"],
    [tls("text", "k.pem"), "http.tls.cert_file names a file that is no certificate in PEM"],
    [tls("c.pem", "text"), "http.tls.key_file names a file that is no private key in PEM"],
    [tls("c.pem", "encrypted.pem"), "http.tls.key_file is protected by a passphrase: store it without one"],
    [redis("tls: { ca_file: text }"), "redis.tls.ca_file names a file that is no certificate in PEM"],
    [
      redis("tls: { cert_file: c.pem, key_file: other.pem }"),
      "redis.tls.key_file holds the key of another certificate than cert_file",
    ],
    [redis("password_file: empty"), "redis.password_file names a file that is empty"],
    [
      "issuer: https://t.example.com\nredis: { sentinel: { hosts: ['a:1'], master: m, tls: { ca_file: text } } }",
      "redis.sentinel.tls.ca_file names a file that is no certificate in PEM",
    ],
    [issuer("jwks_file: text"), "trusted_issuers[0].jwks_file names a file that is not JSON"],
    [issuer("jwks_file: json"), 'trusted_issuers[0].jwks_file names a file that is no JWK Set: {"keys": [...]}'],
    [issuer("discovery: true, ca_file: text"), "trusted_issuers[0].ca_file names a file that is no certificate in PEM"],
    [issuer("discovery: true, token_file: empty"), "trusted_issuers[0].token_file names a file that is empty"],
  ])("%s", (yaml, problem) => {
    const inEtc = Object.fromEntries(Object.entries(files).map(([name, text]) => [`/etc${name}`, text]));
    expect(problems({ yaml, files: inEtc, env: { ICEMINT_SEALING_KEY: SEALING_KEY } })).toEqual([problem]);
  });

  test("an empty JWK Set is warned of: it may be meant", () => {
    const { warnings } = read({ yaml: issuer("jwks_file: /jwks"), files });
    expect(warnings.join("\n")).toContain("jwks_file: names a JWK Set without a key that can verify");
  });

  test("and what is right is right", () => {
    const yaml = `${tls("/c.pem", "/k.pem")}\nkeys: { files: [/k.pem, /public.pem] }`;
    expect(read({ yaml, files }).keys.files).toEqual(["/k.pem", "/public.pem"]);
  });
});

describe("a secret file", () => {
  const warned = (text: string): string => {
    const yaml = "clients: [{ id: a, secrets: [{ file: /s }] }]";
    return read({ yaml, files: { "/s": text } }).warnings.join("\n");
  };

  test("with a byte order mark or white space round the secret is warned of", () => {
    expect(warned(`\uFEFF${LONG_SECRET}`)).toContain("begins with a byte order mark, which is part of the secret");
    expect(warned(`${LONG_SECRET} \n`)).toContain("begins or ends with white space, which is part of the secret");
    expect(warned(`${LONG_SECRET}\n`)).toBe("");
  });
});

describe("clients_files", () => {
  test("a file that is not there is refused, where its clients would be gone; a pattern may match nothing", () => {
    expect(problems({ yaml: "clients_files: [team-a.yaml]" })).toEqual([
      "clients_files[0] names a file that is not there (a pattern, such as clients.d/*.yaml, may match none)",
    ]);
    expect(read({ yaml: "clients_files: [clients.d/*.yaml]" }).warnings.join()).toContain("matches no file");
    expect(read({ yaml: "clients_files: [team-a.yaml]", withoutSecrets: true }).warnings.join()).toContain(
      "matches no file",
    );
  });
});

describe("claims to copy", () => {
  const issuer = (claims: string) =>
    `trusted_issuers: [{ issuer: https://i.example.com, discovery: true, use: [subject_token], subject: { prefix: "i:" }, claims: ${claims} }]`;

  test("are names or paths", () => {
    const { trustedIssuers, warnings } = read({ yaml: issuer("[email, [realm_access, roles], https://e.com/a.b]") });
    expect(trustedIssuers[0]?.copiedClaims).toEqual([["email"], ["realm_access", "roles"], ["https://e.com/a.b"]]);
    expect(warnings.join()).not.toContain("claims");
  });

  test("a name with dots is warned of: it reaches into nothing", () => {
    expect(read({ yaml: issuer("[realm_access.roles]") }).warnings.join()).toContain(
      "claims[0]: is taken as one name; a claim within a claim is a list: [realm_access, roles]",
    );
  });

  test("no path leads to what only icemint sets, and an empty one to nothing", () => {
    expect(problems({ yaml: issuer("[[act, sub], []]") })).toEqual([
      "trusted_issuers[0].claims[1] must be a claim's name, or a path of 1 to 8 names",
      "trusted_issuers[0].claims[0] is a claim that only icemint sets",
    ]);
  });
});

test.each(["redis://:ab/cd=@host", "redis://u:p@ss#w@host", "redis://u:100%@host", "redis://u:a?b@host:1"])(
  "a password in a Redis URL that is not percent-encoded is told how: %s",
  (url) => {
    const found = problems({
      yaml: `issuer: https://t.example.com\nredis: { url: "${url}" }`,
      env: { ICEMINT_SEALING_KEY: SEALING_KEY },
    });
    expect(found).toEqual([
      expect.stringContaining("write them as %2F %3F %23 %40 %25, or put it as it is into password_file"),
    ]);
    expect(found.join()).not.toMatch(/ab\/cd|p@ss|100%@|a\?b/);
  },
);

test("a Redis URL may have a percent-encoded password and the number of a database, and nothing else behind the port", () => {
  const of = (url: string) => ({
    yaml: `issuer: https://t.example.com\nredis: { url: "${url}" }`,
    env: { ICEMINT_SEALING_KEY: SEALING_KEY },
  });
  expect(read(of("rediss://u:a%2Fb@host:1/2")).redis?.topology).toMatchObject({ url: "rediss://u:a%2Fb@host:1/2" });
  expect(problems(of("redis://host/icemint"))).toEqual([
    "redis.url must end with the host and port, or with the number of a database",
  ]);
});

describe("what was meant is said, and a secret is not repeated", () => {
  test.each([
    ["secrets: [{ sha256: icm_X }]", "secrets[0].sha256 is the secret itself, where its SHA-256"],
    ["secrets: [{ env: icm_X }]", "secrets[0].env is the secret itself, where the name of the variable that holds it"],
    [
      "secrets: [icm_X]",
      "secrets[0] must hold settings by name, one of sha256, scrypt, env, file: no secret stands in this file in clear",
    ],
    ["grants: [client-credentials]", "grants[0] must be one of client_credentials, token_exchange"],
    ["grants: [client-credentials]", "did you mean client_credentials?"],
    ["grants: ['urn:ietf:params:oauth:grant-type:token-exchange']", "did you mean token_exchange?"],
    ["grants: ['urn:ietf:params:oauth:grant-type:jwt-bearer']", "did you mean jwt_bearer?"],
    ["grants: [Refresh Token]", "did you mean refresh_token?"],
    ["permissions: [watch-revocations]", "did you mean watch_revocations?"],
  ])("%s", (more, hint) => {
    const yaml = withClients(client("a", more.replace("icm_X", SECRET)));
    const found = problems({ yaml }).join("\n");
    expect(found).toContain(hint);
    expect(found).not.toContain(SECRET);
  });

  test.each([".*@example.com", "^a@example.com$", "(a|b)@example.com", "a\\\\.b@example.com"])(
    "a regular expression where a pattern belongs is warned of: %s",
    (pattern) => {
      const yaml = withClients(client("a", `unsecured_subjects: { allow: ["${pattern}"] }`));
      expect(read({ yaml }).warnings.join()).toContain("allow[0]: looks like a regular expression");
    },
  );

  test("a pattern is not", () => {
    const yaml = withClients(client("a", 'unsecured_subjects: { allow: ["*@example.com", "svc.*"] }'));
    expect(read({ yaml }).warnings.filter((warning) => warning.includes("allow[0]"))).toEqual([]);
  });
});

test("a client with permissions and no grants is fine; one with neither can do nothing", () => {
  const warnings = (more: string) => read({ yaml: withClients(client("a", more)) }).warnings.join();
  expect(warnings("grants: [], permissions: [revoke]")).not.toContain("grants");
  expect(warnings("grants: []")).toContain("grants: is empty: the client gets no token");
});
