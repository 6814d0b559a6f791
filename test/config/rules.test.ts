import { certificateFor, privateKeyPem } from "./key-material.js";
import { describe, expect, test } from "vitest";
import { SEALING_KEY, problems, read } from "./settings.js";

const key = privateKeyPem();
const certificate = certificateFor(key);

const SEALED = { ICEMINT_SEALING_KEY: SEALING_KEY };

describe("the issuer", () => {
  test.each([
    ["issuer: https://tokens.example.com/tenant/", "https://tokens.example.com/tenant/"],
    ["issuer: http://icemint.tokens.svc.cluster.local:8181", "http://icemint.tokens.svc.cluster.local:8181"],
  ])("%s is kept byte for byte", (yaml, issuer) => {
    expect(read({ yaml }).issuer).toBe(issuer);
  });

  test.each(["https://a.example.com?x=1", "https://a.example.com#x", "https://a.example.com?"])(
    "%s is refused: no query, no fragment",
    (issuer) => {
      expect(problems({ yaml: `issuer: "${issuer}"` })).toEqual(["issuer must have no query, fragment or space"]);
    },
  );

  test.each(["tokens.example.com", "ftp://tokens.example.com", "https://", "https://user:pass@tokens.example.com"])(
    "%s is no issuer",
    (issuer) => {
      expect(problems({ yaml: `issuer: "${issuer}"` })).toEqual([
        "issuer must be an absolute URL (https or http) without user and password",
      ]);
    },
  );

  test("is required where others would make it up", () => {
    expect(problems({ yaml: "redis: { url: redis://r }", env: SEALED })).toEqual([
      "issuer is required with redis (or ICEMINT_ISSUER)",
    ]);
    expect(problems({ env: { ICEMINT_LISTEN: "[::]:1" } })).toEqual([
      "issuer is required with the listen address [::]:1 (or ICEMINT_ISSUER)",
    ]);
  });

  test.each(["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])("is not required on %s", (listen) => {
    expect(read({ yaml: `listen: "${listen}"` }).issuer).toBe(`http://${listen}`);
  });

  test("is missed, but not required, on a free port: it would name port 0", () => {
    const missed = expect.stringContaining("issuer: is not set, and port 0 is none");
    expect(read({ env: { ICEMINT_LISTEN: "127.0.0.1:0" } }).warnings).toEqual([missed]);
    expect(read({ env: { ICEMINT_LISTEN: "127.0.0.1:0", ICEMINT_ISSUER: "http://a" } }).warnings).toEqual([]);
  });
});

test.each(["8181", ":8181", "0.0.0.0", "1.2.3:80", "::1:80", "[::1]", "host:65536", "a b:1", "[zz]:1", "1.2.3.4.5:1"])(
  "%s is no listen address",
  (listen) => {
    expect(problems({ yaml: `listen: "${listen}"` })).toContain("listen must be host:port, an IPv6 host in brackets");
  },
);

test("the lives of tokens and sessions are whole seconds, so that expires_in is an integer", () => {
  const yaml = `
tokens: { access_ttl: 3500ms, session_ttl: 12500ms, refresh_grace: 1500ms }
clients: [{ id: a, access_ttl: 1500ms, disabled: true }]`;
  expect(problems({ yaml })).toEqual([
    "tokens.access_ttl must be whole seconds, as the times of tokens are",
    "tokens.session_ttl must be whole seconds, as the times of tokens are",
    "clients[0].access_ttl must be whole seconds, as the times of tokens are",
  ]);
});

describe("redis", () => {
  const base = "issuer: https://t.example.com\nredis: ";

  test("Sentinel and Cluster, with passwords and certificates from files", () => {
    const files = { "/run/p": "pw\n", "/run/sp": "spw", "/run/ca": certificate, "/run/c": certificate, "/run/k": key };
    const tls = "tls: { ca_file: /run/ca, cert_file: /run/c, key_file: /run/k }, username: u, password_file: /run/p";
    const sentinel = `${base}{ sentinel: { hosts: ["a:1", "[::1]:2"], master: m, password_file: /run/sp }, prefix: x, ${tls} }`;
    expect(read({ yaml: sentinel, files, env: SEALED }).redis).toEqual({
      topology: {
        kind: "sentinel",
        hosts: ["a:1", "[::1]:2"],
        master: "m",
        username: undefined,
        passwordFile: "/run/sp",
        tls: { caFile: "/run/ca", certFile: "/run/c", keyFile: "/run/k", servername: undefined },
      },
      prefix: "x",
      username: "u",
      passwordFile: "/run/p",
      tls: { caFile: "/run/ca", certFile: "/run/c", keyFile: "/run/k", servername: undefined },
    });
    const cluster = `${base}{ cluster: { hosts: ["a:1"] } }`;
    expect(read({ yaml: cluster, env: SEALED }).redis).toMatchObject({
      topology: { kind: "cluster", hosts: ["a:1"] },
      prefix: "icemint",
      tls: undefined,
    });
  });

  test("Sentinels have the TLS of Redis, their own, or none; and a user", () => {
    const files = { "/run/ca": certificate, "/run/own": certificate, "/run/sp": "spw" };
    const sentinelOf = (own: string) => {
      const yaml = `${base}{ sentinel: { hosts: ["a:1"], master: m, ${own} }, tls: { ca_file: /run/ca, servername: r.example.com } }`;
      const topology = read({ yaml, files, env: SEALED }).redis?.topology;
      return topology?.kind === "sentinel" ? topology : undefined;
    };
    expect(sentinelOf("")?.tls).toMatchObject({ caFile: "/run/ca", servername: "r.example.com" });
    expect(sentinelOf("tls: false")?.tls).toBeUndefined();
    expect(sentinelOf("tls: { ca_file: /run/own }")?.tls).toMatchObject({ caFile: "/run/own", servername: undefined });
    expect(sentinelOf("username: watcher, password_file: /run/sp")?.username).toBe("watcher");
  });

  test("the address alone may come from the environment", () => {
    const env = { ...SEALED, ICEMINT_REDIS_URL: "redis://r:6379", ICEMINT_ISSUER: "https://t.example.com" };
    expect(read({ env }).redis?.topology).toEqual({ kind: "single", url: "redis://r:6379", urlFile: undefined });
    expect(read({ yaml: `${base}{ prefix: x }`, env }).redis?.prefix).toBe("x");
  });

  test.each([
    ["{ prefix: x }", "redis must have exactly one of url (or ICEMINT_REDIS_URL), sentinel, cluster"],
    ["{ url: redis://r, cluster: { hosts: ['a:1'] } }", "redis must have exactly one of url"],
    ["{ url: http://r }", "redis.url must be an absolute URL (redis or rediss)"],
    ["{ url: redis://r, prefix: 'a{b}' }", "redis.prefix may hold only letters, digits and _ . : -"],
    ["{ sentinel: { hosts: [], master: m } }", "redis.sentinel.hosts must not be empty"],
    ["{ sentinel: { hosts: [a], master: m } }", "redis.sentinel.hosts[0] must be host:port"],
    ["{ sentinel: { hosts: ['a:1'] } }", "redis.sentinel.master is missing"],
    ["{ url: redis://r, tls: { cert_file: /c } }", "redis.tls must have both cert_file and key_file, or neither"],
    ["{ sentinel: { hosts: ['a:1'], master: m, tls: true } }", "redis.sentinel.tls must be false, or hold ca_file"],
    [
      "{ sentinel: { hosts: ['a:1'], master: m, username: u } }",
      "redis.sentinel.username needs a password_file beside it",
    ],
    ["{ url: redis://r, password_file: /p }", "redis.password_file cannot be read: there is no such file"],
  ])("%s is refused", (yaml, reason) => {
    expect(problems({ yaml: base + yaml, env: SEALED }).join("\n")).toContain(reason);
  });
});

describe("keys", () => {
  test("the next key is published while this one signs", () => {
    expect(problems({ yaml: "keys: { rotate_every: 10m, publish_ahead: 10m }" })).toEqual([
      "keys.publish_ahead must be shorter than rotate_every (10m): the next key is published while this one signs",
    ]);
  });

  test("a token never lives longer than its key can stay published", () => {
    const yaml = "tokens: { access_ttl: 1h }\nkeys: { rotate_every: 3s, publish_ahead: 1s }";
    expect(problems({ yaml })).toEqual([
      "keys.rotate_every would keep 1200 retired keys published for tokens.access_ttl; at most 1000 can be",
    ]);
  });

  test("seconds are allowed, with a warning", () => {
    expect(read({ yaml: "keys: { rotate_every: 4s, publish_ahead: 2s }" }).warnings).toEqual([
      expect.stringContaining("keys: rotate within seconds or minutes: verifiers that cache keys for longer than 2s"),
      expect.stringContaining("clients: is empty"),
    ]);
  });

  test("come from files, from Vault, or are made here", () => {
    const files = { "/etc/k.pem": key, "/etc/t": "token" };
    const vault = "vault: { url: http://vault:8200, key: icemint, token_file: t }";
    expect(read({ yaml: "keys: { files: [k.pem] }", files }).keys.files).toEqual(["/etc/k.pem"]);
    const config = read({ yaml: `keys: { ${vault} }`, files });
    expect(config.keys.vault).toEqual({
      url: "http://vault:8200",
      key: "icemint",
      mount: "transit",
      tokenFile: "/etc/t",
    });
    expect(config.warnings[0]).toContain("keys.vault.url: is reached in clear");
    expect(problems({ yaml: `keys: { files: [k.pem], ${vault} }`, files })).toEqual([
      "keys must not have both files and vault: there is one source of keys",
    ]);
    expect(problems({ yaml: "keys: { files: [nowhere.pem] }" })).toEqual([
      "keys.files[0] names a file that is not there",
    ]);
  });
});

describe("bounds", () => {
  test.each([
    ["limits: { failure_burst: 19 }", "limits.failure_burst must be a whole number from 20 to 10000"],
    ["limits: { failure_burst: 20.5 }", "limits.failure_burst must be a whole number from 20 to 10000"],
    ['limits: { max_in_flight: "10" }', "limits.max_in_flight must be a whole number from 1 to 1000000"],
    ["tokens: { access_ttl: 500ms }", "tokens.access_ttl must be from 1s to 30d"],
    ["keys: { algorithm: HS256 }", "keys.algorithm must be one of ES256, ES384, EdDSA, RS256, PS256"],
    ["http: { token_paths: [tokens] }", "http.token_paths[0] must be a whole path"],
    ["http: { token_paths: [/v1/oauth/revoke] }", "http.token_paths[0] is served for something else"],
    ["http: { trusted_proxies: [10.0.0.0/33] }", "http.trusted_proxies[0] must be an address or a CIDR block"],
    ["http: { trusted_proxies: [proxy] }", "http.trusted_proxies[0] must be an address or a CIDR block"],
    ["http: { cors_origins: [https://a.example.com/] }", "http.cors_origins[0] must be an origin without a path"],
    ["http: { reflection: yes }", "http.reflection must be true or false"],
    ["http: { tls: { cert_file: /c } }", "http.tls.key_file is missing"],
    ["shutdown: { delay: 2h }", "shutdown.delay must be from 0s to 1h"],
    ["log_level: trace", "log_level must be one of debug, info, warn, error"],
    ["telemetry: { otlp_endpoint: collector }", "telemetry.otlp_endpoint must be an absolute URL"],
  ])("%s is refused", (yaml, reason) => {
    expect(problems({ yaml }).join("\n")).toContain(reason);
  });

  test("http settings arrive", () => {
    const yaml = `
http:
  token_paths: [/api/catalog/v1/oauth/tokens]
  trusted_proxies: [10.0.0.0/8, "fd00::/8", 192.0.2.1]
  cors_origins: [https://app.example.com]
  max_connection_age: 1m
  reflection: false
shutdown: { delay: 0s, grace: 1m }
telemetry: { otlp_endpoint: http://collector:4318 }`;
    expect(read({ yaml })).toMatchObject({
      http: {
        tokenPaths: ["/api/catalog/v1/oauth/tokens"],
        trustedProxies: ["10.0.0.0/8", "fd00::/8", "192.0.2.1"],
        corsOrigins: ["https://app.example.com"],
        maxConnectionAgeMs: 60_000,
        reflection: false,
      },
      shutdown: { delayMs: 0, graceMs: 60_000 },
      telemetry: { otlpEndpoint: "http://collector:4318" },
    });
  });

  test.each([
    ["http: { trusted_proxies: [0.0.0.0/0] }", "believes everyone"],
    ["tokens: { access_ttl: 2h, session_ttl: 1h }", "tokens.access_ttl: is longer than session_ttl (1h)"],
    ["tokens: { refresh_grace: 1m, refresh_idle: 30s }", "tokens.refresh_grace: is longer than refresh_idle"],
    ["keys: { cache_file: /var/cache/keys }", "keys.cache_file: has no effect without redis"],
  ])("%s is told", (yaml, warning) => {
    expect(read({ yaml }).warnings[0]).toContain(warning);
  });
});
