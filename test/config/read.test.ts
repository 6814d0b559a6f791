import { certificateFor, privateKeyPem } from "./key-material.js";
import { describe, expect, test } from "vitest";
import { DIGEST, LONG_SECRET, NOW, SEALING_KEY, client, problems, read, refusal, withClients } from "./settings.js";
import { HOUR, MINUTE } from "../../src/time/clock.js";

const DESIGN = `
issuer: https://tokens.example.com
redis: { url: redis://redis:6379, prefix: icemint }
tokens: { access_ttl: 1h, session_ttl: 24h, refresh_grace: 30s, refresh_idle: 2h }
revocation: { max_staleness: 5m }
clients:
  - id: spark-etl
    name: Nightly ETL
    secrets:
      - { sha256: "${DIGEST}", expires: 2027-01-31T00:00:00Z }
      - { scrypt: "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g" }
      - { env: SPARK_SECRET }
    grants: [client_credentials, token_exchange, refresh_token]
    scopes: { allowed: [catalog, "PRINCIPAL_ROLE:etl"], default: [catalog] }
    audiences: { allowed: [https://catalog.example.com], default: [https://catalog.example.com] }
    claims: { team: etl }
    may_act_for: [orders-api]
    access_ttl: 15m
    permissions: [introspect, revoke, watch_revocations]
    disabled: false
    unsecured_subjects: { allow: ["*@example.com"] }
  - id: orders-api
    federated:
      - { issuer: https://kubernetes.default.svc, subject: "system:serviceaccount:shop:orders" }
    jwks: { keys: [] }
    grants: [client_credentials]
    scopes: { allowed: [orders.read] }
keys: { algorithm: ES256, rotate_every: 30d, publish_ahead: 15m }
limits: { failure_burst: 40, failure_refill_per_minute: 60 }
http:
  token_paths: [/api/catalog/v1/oauth/tokens]
  trusted_proxies: [10.0.0.0/8]
  cors_origins: []
clients_files: [clients.d/*.yaml]
trusted_issuers:
  - issuer: https://idp.example.com
    jwks_uri: https://idp.example.com/jwks
    audience: https://tokens.example.com
    algorithms: [RS256, ES256]
    use: [subject_token, client_assertion]
    claims: [email, groups]
    subject: { claim: sub, prefix: "idp:" }
  - { issuer: https://kubernetes.default.svc, discovery: true, use: [client_assertion] }
`;
const ENV = { SPARK_SECRET: LONG_SECRET, ICEMINT_SEALING_KEY: SEALING_KEY };

describe("settings as designed", () => {
  test("every setting arrives where the server looks for it", () => {
    const config = read({ yaml: DESIGN, env: ENV });
    expect(config).toMatchObject({
      issuer: "https://tokens.example.com",
      redis: { topology: { kind: "single", url: "redis://redis:6379" }, prefix: "icemint" },
      tokens: { accessTtlMs: 3_600_000, sessionTtlMs: 86_400_000, refreshGraceMs: 30_000, refreshIdleMs: 7_200_000 },
      revocation: { maxStalenessMs: 300_000 },
      keys: { algorithm: "ES256", rotateEveryMs: 2_592_000_000, publishAheadMs: 900_000 },
      limits: { failures: { burst: 40, intervalMs: 1000 } },
      http: { tokenPaths: ["/api/catalog/v1/oauth/tokens"], trustedProxies: ["10.0.0.0/8"], corsOrigins: [] },
      demo: false,
    });
    expect(config.clients[0]).toMatchObject({
      id: "spark-etl",
      name: "Nightly ETL",
      grants: new Set(["client_credentials", "token_exchange", "refresh_token"]),
      scopes: { allowed: new Set(["catalog", "PRINCIPAL_ROLE:etl"]), default: ["catalog"] },
      audiences: { allowed: new Set(["https://catalog.example.com"]), default: ["https://catalog.example.com"] },
      claims: { team: "etl" },
      mayActFor: new Set(["orders-api"]),
      accessTtlMs: 15 * MINUTE,
      permissions: new Set(["introspect", "revoke", "watch_revocations"]),
      unsecuredSubjects: ["*@example.com"],
    });
    expect(config.clients[1]).toMatchObject({
      federated: [{ issuer: "https://kubernetes.default.svc", subject: "system:serviceaccount:shop:orders" }],
      keys: { kind: "inline", jwks: { keys: [] } },
      scopes: { allowed: new Set(["orders.read"]), default: ["orders.read"] },
      audiences: { allowed: new Set(["https://tokens.example.com"]), default: ["https://tokens.example.com"] },
      accessTtlMs: HOUR,
    });
    expect(config.trustedIssuers[0]).toMatchObject({
      keys: { kind: "uri", uri: "https://idp.example.com/jwks" },
      algorithms: new Set(["RS256", "ES256"]),
      use: new Set(["subject_token", "client_assertion"]),
      copiedClaims: [["email"], ["groups"]],
      subject: { claim: "sub", prefix: "idp:" },
    });
  });

  test("a secret knows its expiry, and identifies its client only if it was generated", () => {
    const [spark] = read({ yaml: DESIGN, env: ENV }).clients;
    expect(spark?.secrets).toMatchObject([
      { kind: "digest", identifies: true, expiresAt: Date.parse("2027-01-31T00:00:00Z") },
      { kind: "scrypt", logN: 15, r: 8, p: 1, expiresAt: undefined },
      { kind: "digest", identifies: false },
    ]);
  });

  test("the result is frozen", () => {
    const config = read({ yaml: DESIGN, env: ENV });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.clients)).toBe(true);
    expect(Object.isFrozen(config.clients[0]?.claims)).toBe(true);
    expect(Object.isFrozen(config.http.tokenPaths)).toBe(true);
  });
});

describe("defaults", () => {
  test("without a file on a loopback address there is a demo, and it stops at once", () => {
    const config = read({});
    expect(config).toMatchObject({
      demo: true,
      issuer: "http://127.0.0.1:8181",
      listen: { host: "127.0.0.1", port: 8181 },
      adminListen: { host: "127.0.0.1", port: 9464 },
      logLevel: "info",
      redis: undefined,
      clients: [],
      tokens: { accessTtlMs: 3_600_000, sessionTtlMs: 86_400_000, refreshGraceMs: 30_000, refreshIdleMs: 7_200_000 },
      revocation: { maxStalenessMs: 300_000 },
      keys: { algorithm: "ES256", rotateEveryMs: 2_592_000_000, publishAheadMs: 900_000, files: [], sealingKeys: [] },
      limits: {
        failures: { burst: 30, intervalMs: 2000 },
        maxConnections: 10_000,
        connectionsPerAddress: 1000,
        maxInFlight: 1000,
      },
      http: { tokenPaths: [], trustedProxies: [], corsOrigins: [], maxConnectionAgeMs: 300_000, reflection: true },
      shutdown: { delayMs: 0, graceMs: 20_000 },
      telemetry: { otlpEndpoint: undefined },
    });
  });

  test("with a file there is no demo, and balancers get 5 s to notice a stop", () => {
    expect(read({ yaml: "" })).toMatchObject({ demo: false, shutdown: { delayMs: 5000 } });
  });

  test("on another address than loopback there is no demo", () => {
    const env = { ICEMINT_LISTEN: "0.0.0.0:8181", ICEMINT_ISSUER: "https://tokens.example.com" };
    expect(read({ env })).toMatchObject({ demo: false, shutdown: { delayMs: 5000 } });
  });

  test("an unused refresh token lives for two access tokens", () => {
    expect(read({ yaml: "tokens: { access_ttl: 10m }" }).tokens.refreshIdleMs).toBe(1_200_000);
  });

  test("a client gets what Iceberg's clients ask for out of the box", () => {
    const [config] = read({ yaml: withClients(client("spark")) }).clients;
    expect(config).toMatchObject({
      grants: new Set(["client_credentials", "token_exchange"]),
      scopes: { allowed: new Set(["catalog", "PRINCIPAL_ROLE:ALL"]), default: ["catalog"] },
      audiences: { allowed: new Set(["http://127.0.0.1:8181"]), default: ["http://127.0.0.1:8181"] },
      claims: {},
      mayActFor: new Set(),
      permissions: new Set(),
      disabled: false,
      unsecuredSubjects: undefined,
    });
  });

  test("an audience that is not asked for is the first of the allowed ones alone", () => {
    const [config] = read({ yaml: withClients(client("spark", "audiences: { allowed: [one, two] }")) }).clients;
    expect(config?.audiences.default).toEqual(["one"]);
  });

  test("the issuer follows the listen address, its brackets and TLS", () => {
    expect(read({ env: { ICEMINT_LISTEN: "[::1]:9000" } }).issuer).toBe("http://[::1]:9000");
    const yaml = "http: { tls: { cert_file: /tls/c, key_file: /tls/k } }";
    const key = privateKeyPem();
    expect(read({ yaml, files: { "/tls/c": certificateFor(key), "/tls/k": key } }).issuer).toBe(
      "https://127.0.0.1:8181",
    );
  });
});

describe("every problem at once", () => {
  test("each has its file, line, path, reason and an example", () => {
    const yaml = ["tokens:", "  access_ttl: 60", "clients:", "  - id: a b", "    secrets: [{ sha256: abc }]"].join(
      "\n",
    );
    expect(refusal({ yaml }).problems).toEqual([
      {
        file: "/etc/icemint.yaml",
        line: 2,
        path: "tokens.access_ttl",
        reason: "must be a duration: a whole number and a unit (ms, s, m, h, d), from 1s to 30d",
        example: "1h",
      },
      {
        file: "/etc/icemint.yaml",
        line: 4,
        path: "clients[0].id",
        reason: "may hold only letters, digits and . _ ~ @ / -",
        example: "spark-etl",
      },
      {
        file: "/etc/icemint.yaml",
        line: 5,
        path: "clients[0].secrets[0].sha256",
        reason: "must be the SHA-256 of a secret: 64 hex digits",
        example: expect.stringMatching(/^"[0-9a-f]{64}"$/),
      },
    ]);
  });

  test("a wrong shape in one place hides no broken rule in another", () => {
    const yaml = `
issuer: https://tokens.example.com?x
tokens: { acces_ttl: 1h }
limits: { failure_burst: 5 }
clients:
  - { id: one, disabled: "no", claims: { iss: me }, access_ttl: 2h, scopes: { allowed: [a], default: [b] } }
  - { id: one, secrets: [{ sha256: ${DIGEST}, scrypt: x }] }
  - { id: two, federated: [{ issuer: https://nowhere.example.com, subject: s }] }
trusted_issuers:
  - { issuer: https://a.example.com, discovery: true, use: [subject_token], algorithms: [HS256] }
  - { issuer: https://b.example.com, use: [subject_token], subject: { prefix: "b:" } }
`;
    expect(problems({ yaml, env: { ICEMINT_LISTEN: "8181" } }).map((line) => line.split(" ")[0])).toEqual([
      "issuer",
      "tokens.acces_ttl",
      "limits.failure_burst",
      "clients[0].disabled",
      "clients[0].claims.iss",
      "clients[0].access_ttl",
      "clients[0]",
      "clients[0].scopes.default[0]",
      "clients[1].secrets[0].scrypt",
      "clients[1].secrets[0]",
      "clients[1].id",
      "clients[2].federated[0].issuer",
      "trusted_issuers[0].algorithms[0]",
      "trusted_issuers[0].subject.prefix",
      "trusted_issuers[1]",
      "ICEMINT_LISTEN",
    ]);
  });

  test("the message of the error lists them, one after another", () => {
    const { message } = refusal({ yaml: "issuer: nonsense\nlisten: here" });
    expect(message).toBe(
      [
        "/etc/icemint.yaml:1: issuer must be an absolute URL (https or http) without user and password",
        "    for example: https://tokens.example.com",
        "/etc/icemint.yaml:2: listen must be host:port, an IPv6 host in brackets",
        "    for example: 0.0.0.0:8181",
      ].join("\n"),
    );
  });

  test("a mistyped name is answered with the right one", () => {
    expect(problems({ yaml: "tokns: {}\nkeys: { rotate_evry: 1d, foo: 1 }" })).toEqual([
      "tokns is no setting; did you mean tokens?",
      "keys.rotate_evry is no setting; did you mean rotate_every?",
      expect.stringMatching(/^keys\.foo is no setting; known here: algorithm, rotate_every, /),
    ]);
  });

  test("a file that is no YAML is told by line, without its text", () => {
    const { problems: found, message } = refusal({ yaml: "clients:\n  - {secret: hunter2-hunter2\n" });
    expect(found[0]).toMatchObject({ file: "/etc/icemint.yaml", line: 2 });
    expect(message).not.toContain("hunter2");
  });

  test("a missing file and a file of another shape are told", () => {
    expect(problems({ env: { ICEMINT_CONFIG: "/nowhere.yaml" } })).toEqual(["cannot be read: there is no such file"]);
    expect(problems({ yaml: "- a\n- b" })).toEqual(["must hold settings by name"]);
    expect(problems({ yaml: "clients: spark" })).toEqual([expect.stringMatching(/^clients must be a list$/)]);
  });

  test("aliases cannot blow a small file up", () => {
    const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(10)}]`);
    expect(problems({ yaml: ["l0: &l0 [x]", ...levels].join("\n") })).toEqual([
      "repeats itself too often by aliases (&name, *name)",
    ]);
  });

  test("nothing after a name is the same as leaving it out", () => {
    expect(read({ yaml: "clients:\ntokens:\nkeys: { files: }\n" }).clients).toEqual([]);
  });
});

test.each([
  ["2026-08-01T00:00:00Z", ["/etc/icemint.yaml: clients[0].secrets[0]: has expired and can be removed"]],
  ["2026-08-01T00:00:00.001Z", []],
])("the clock decides whether a secret has expired, which is only a warning: %s", (expires, warnings) => {
  expect(new Date(NOW).toISOString()).toBe("2026-08-01T00:00:00.000Z");
  const yaml = `clients: [{ id: a, secrets: [{ sha256: "${DIGEST}", expires: ${expires} }] }]`;
  expect(read({ yaml }).warnings).toEqual(warnings);
});
