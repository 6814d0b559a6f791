/** The shape of the settings file. Each name here is explained in docs/configuration.md; a test holds them together. */
import { z } from "zod";
import { SIGNING_ALGORITHMS } from "../keys/signer.js";
import { DAY, HOUR, SECOND } from "../time/clock.js";
import { clientSchema } from "./clients/schema.js";
import { workloadSchema } from "./clients/workload-schema.js";
import {
  duration,
  flag,
  issuerUrl,
  lifetime,
  listenAddress,
  matching,
  oneOf,
  text,
  url,
  wholeNumber,
} from "./reading/fields.js";
import { issuerSchema } from "./issuers/schema.js";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Redis addresses as the driver takes them. */
export const redisUrl = text("redis://redis:6379", 2000)
  .superRefine((value, context) => {
    const message = wrongRedisUrl(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  })
  .meta({ example: "redis://redis:6379" });

/** A password in a URL is often pasted as it is. The part before the last @ is where it stands. */
function wrongRedisUrl(value: string): string | undefined {
  const [, rest = ""] = /^rediss?:\/\/(.*)$/i.exec(value) ?? [];
  const login = rest.slice(0, Math.max(0, rest.lastIndexOf("@")));
  if (/[/?#@\s]|%(?![0-9A-Fa-f]{2})/.test(login)) {
    return "holds a password with one of / ? # @ % in it: write them as %2F %3F %23 %40 %25, or put it as it is into password_file";
  }
  const parsed = rest === "" ? null : URL.parse(value);
  if (parsed === null || parsed.hostname === "") return "must be an absolute URL (redis or rediss)";
  return /^\/?\d*$/.test(parsed.pathname)
    ? undefined
    : "must end with the host and port, or with the number of a database";
}

const hostAndPort = matching(
  /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/,
  "must be host:port",
  "redis-0:6379",
  300,
);

function filePath(example: string) {
  return text(example, 4096);
}

const redisTls = z.strictObject({
  ca_file: filePath("/run/secrets/redis-tls/ca.crt").optional(),
  cert_file: filePath("/run/secrets/redis-tls/tls.crt").optional(),
  key_file: filePath("/run/secrets/redis-tls/tls.key").optional(),
  servername: matching(/^[A-Za-z0-9._-]+$/, "must be a host name", "redis.example.com", 253).optional(),
});

const redis = z
  .strictObject({
    url: redisUrl.optional(),
    prefix: matching(/^[A-Za-z0-9_.:-]+$/, "may hold only letters, digits and _ . : -", "icemint", 64).optional(),
    sentinel: z
      .strictObject({
        hosts: z.array(hostAndPort).meta({ example: "[redis-0:26379, redis-1:26379]" }),
        master: text("icemint", 200),
        username: text("sentinel", 200).optional(),
        password_file: filePath("/run/secrets/sentinel-password").optional(),
        tls: z
          .union([redisTls, z.literal(false)], "must be false, or hold ca_file, cert_file, key_file or servername")
          .meta({ example: "false, or { ca_file: ca.crt }" })
          .optional(),
      })
      .meta({ example: "{ hosts: [redis-0:26379, redis-1:26379], master: icemint }" })
      .optional(),
    cluster: z
      .strictObject({ hosts: z.array(hostAndPort).meta({ example: "[redis-0:6379, redis-1:6379]" }) })
      .meta({ example: "{ hosts: [redis-0:6379, redis-1:6379] }" })
      .optional(),
    username: text("icemint", 200).optional(),
    password_file: filePath("/run/secrets/redis-password").optional(),
    tls: redisTls.optional(),
  })
  .meta({ example: "{ url: redis://redis:6379, prefix: icemint }" });

const tokens = z.strictObject({
  access_ttl: lifetime(30 * DAY, "1h").optional(),
  session_ttl: lifetime(365 * DAY, "24h").optional(),
  refresh_grace: duration(0, HOUR, "30s").optional(),
  refresh_idle: duration(SECOND, 365 * DAY, "2h").optional(),
});

const keys = z.strictObject({
  algorithm: oneOf(SIGNING_ALGORITHMS, "ES256").optional(),
  rotate_every: duration(SECOND, 3650 * DAY, "30d").optional(),
  publish_ahead: duration(SECOND, 30 * DAY, "15m").optional(),
  files: z.array(filePath("/run/secrets/keys/signing.pem")).optional(),
  cache_file: filePath("/var/cache/icemint/keys").optional(),
  vault: z
    .strictObject({
      url: url(["https", "http"], "https://vault:8200"),
      key: matching(/^[\w.-]+$/, "must be the name of a transit key", "icemint", 200),
      mount: matching(/^[\w./-]+$/, "must be the path of a transit mount", "transit", 200).optional(),
      token_file: filePath("/run/secrets/vault-token"),
    })
    .meta({ example: "{ url: https://vault:8200, key: icemint, token_file: /run/secrets/vault-token }" })
    .optional(),
});

const limits = z.strictObject({
  failure_burst: wholeNumber(20, 10_000, 30).optional(),
  failure_refill_per_minute: wholeNumber(1, 60_000, 30).optional(),
  max_connections: wholeNumber(1, 1_000_000, 10_000).optional(),
  connections_per_address: wholeNumber(1, 1_000_000, 1000).optional(),
  max_in_flight: wholeNumber(1, 1_000_000, 1000).optional(),
});

const http = z.strictObject({
  token_paths: z
    .array(
      matching(
        /^\/[A-Za-z0-9._~@:/-]*$/,
        "must be a whole path: a slash, then letters, digits and . _ ~ @ : / -",
        "/api/catalog/v1/oauth/tokens",
      ),
    )
    .optional(),
  trusted_proxies: z.array(text("10.0.0.0/8", 64)).optional(),
  cors_origins: z
    .array(
      matching(/^(\*|https?:\/\/[A-Za-z0-9.[\]:-]+)$/, "must be an origin without a path", "https://app.example.com"),
    )
    .optional(),
  tls: z
    .strictObject({ cert_file: filePath("/run/secrets/tls/tls.crt"), key_file: filePath("/run/secrets/tls/tls.key") })
    .meta({ example: "{ cert_file: /run/secrets/tls/tls.crt, key_file: /run/secrets/tls/tls.key }" })
    .optional(),
  max_connection_age: duration(SECOND, 30 * DAY, "5m").optional(),
  reflection: flag(true).optional(),
});

/** The whole file, except clients and issuers: those are read one by one, since they come from several files. */
export const settingsSchema = z.strictObject({
  issuer: issuerUrl("https://tokens.example.com").optional(),
  listen: listenAddress("0.0.0.0:8181").optional(),
  admin_listen: listenAddress("0.0.0.0:9464").optional(),
  status_page: flag(true).optional(),
  log_level: oneOf(LOG_LEVELS, "info").optional(),
  redis: redis.optional(),
  tokens: tokens.optional(),
  revocation: z.strictObject({ max_staleness: duration(SECOND, DAY, "5m").optional() }).optional(),
  clients: z.array(clientSchema).optional(),
  workloads: z.array(workloadSchema).optional(),
  clients_files: z.array(filePath("clients.d/*.yaml")).optional(),
  trusted_issuers: z.array(issuerSchema).optional(),
  keys: keys.optional(),
  limits: limits.optional(),
  http: http.optional(),
  shutdown: z
    .strictObject({
      delay: duration(0, HOUR, "5s").optional(),
      grace: duration(0, HOUR, "20s").optional(),
    })
    .optional(),
  telemetry: z.strictObject({ otlp_endpoint: url(["https", "http"], "http://collector:4318").optional() }).optional(),
});
