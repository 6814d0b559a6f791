/**
 * Owns every default, and the order "variable, file, default". Makes the settings other than clients and issuers from
 * their YAML. It judges no value against another: `rules.ts` does.
 */
import { DAY, HOUR, MINUTE, SECOND } from "../time/clock.js";
import type { Config, KeySettings } from "./config.js";
import type { ListenAddress } from "./reading/listen-address.js";
import { type Variable, type Variables, variableSpot } from "./env.js";
import { issuerUrl, listenAddress, oneOf } from "./reading/fields.js";
import { isLoopback, spellListenAddress } from "./reading/listen-address.js";
import { type Findings, type Spot, inside } from "./reading/problem.js";
import { type Readable, present, readBySchema } from "./reading/by-schema.js";
import { redisSettings } from "./redis.js";
import { LOG_LEVELS, redisUrl, type settingsSchema } from "./schema.js";
import { parseSealingKeys } from "./sealing-keys.js";
import type { SettingFiles } from "./reading/setting-files.js";
import type { z } from "zod";

export type SettingsYaml = Readable<typeof settingsSchema>;
/** The settings that need a restart. */
export type FixedConfig = Omit<
  Config,
  "clients" | "workloads" | "trustedIssuers" | "digest" | "warnings" | "files" | "filePatterns"
>;

export interface Surroundings {
  readonly variables: Variables;
  /** The settings file's root. */
  readonly root: Spot;
  readonly files: SettingFiles;
  readonly findings: Findings;
  readonly hasFile: boolean;
  /** The names that were written under `redis`. */
  readonly redisNames: readonly string[];
  /** Whether a missing sealing key is only a warning: for checks far from the deployment. */
  readonly lenient: boolean;
}

/** Shapes the settings and reports problems. After a problem the result is not fit for use. */
export function shapeSettings(yaml: SettingsYaml, around: Surroundings): FixedConfig {
  const { root, files, findings, hasFile } = around;
  const listen = fromVariable("ICEMINT_LISTEN", listenAddress("0.0.0.0:8181"), around) ??
    yaml.listen ?? { host: "127.0.0.1", port: 8181 };
  const adminListen = fromVariable("ICEMINT_ADMIN_LISTEN", listenAddress("0.0.0.0:9464"), around) ??
    yaml.admin_listen ?? { host: "127.0.0.1", port: 9464 };
  const variableUrl = fromVariable("ICEMINT_REDIS_URL", redisUrl, around);
  const redis = redisSettings(
    {
      yaml: yaml.redis,
      variableUrl,
      urlFile: around.variables.ICEMINT_REDIS_URL_FILE,
      spot: inside(root, "redis"),
      names: around.redisNames,
    },
    files,
    findings,
  );
  const loopback = isLoopback(listen.host);
  const accessTtlMs = yaml.tokens?.access_ttl ?? HOUR;
  return {
    listen,
    adminListen,
    statusPage: statusPage(yaml.status_page, adminListen.host),
    issuer: issuerOf(yaml, listen, redis !== undefined, around),
    logLevel: fromVariable("ICEMINT_LOG_LEVEL", oneOf(LOG_LEVELS, "info"), around) ?? yaml.log_level ?? "info",
    redis,
    tokens: {
      accessTtlMs,
      sessionTtlMs: yaml.tokens?.session_ttl ?? 24 * HOUR,
      refreshGraceMs: yaml.tokens?.refresh_grace ?? 30 * SECOND,
      refreshIdleMs: yaml.tokens?.refresh_idle ?? 2 * accessTtlMs,
    },
    revocation: { maxStalenessMs: yaml.revocation?.max_staleness ?? 5 * MINUTE },
    keys: keySettings(yaml, redis !== undefined, around),
    limits: {
      failures: {
        burst: yaml.limits?.failure_burst ?? 30,
        intervalMs: MINUTE / (yaml.limits?.failure_refill_per_minute ?? 30),
      },
      maxConnections: yaml.limits?.max_connections ?? 10_000,
      connectionsPerAddress: yaml.limits?.connections_per_address ?? 1000,
      maxInFlight: yaml.limits?.max_in_flight ?? 1000,
    },
    http: httpSettings(yaml, around),
    shutdown: {
      // Nobody balances to a demo: it stops at once.
      delayMs: yaml.shutdown?.delay ?? (loopback && !hasFile ? 0 : 5 * SECOND),
      graceMs: yaml.shutdown?.grace ?? 20 * SECOND,
    },
    telemetry: { otlpEndpoint: yaml.telemetry?.otlp_endpoint },
    demo: loopback && !hasFile,
  };
}

/** A variable's value, read like the setting that it overrides. */
function fromVariable<S extends z.ZodType>(name: Variable, schema: S, { variables, findings }: Surroundings) {
  const value = variables[name];
  return value === undefined ? undefined : readBySchema(schema, value, variableSpot(name), findings);
}

function issuerOf(yaml: SettingsYaml, listen: ListenAddress, hasRedis: boolean, around: Surroundings): string {
  const { variables, root, findings } = around;
  const fromEnv = fromVariable("ICEMINT_ISSUER", issuerUrl("https://tokens.example.com"), around);
  const isGiven = variables.ICEMINT_ISSUER !== undefined || yaml.issuer !== undefined;
  if (!isGiven && (hasRedis || !isLoopback(listen.host))) {
    const why = hasRedis ? "with redis" : `with the listen address ${spellListenAddress(listen)}`;
    findings.problem(inside(root, "issuer"), `is required ${why} (or ICEMINT_ISSUER)`, "https://tokens.example.com");
  }
  if (!isGiven && listen.port === 0) {
    findings.warning(inside(root, "issuer"), "is not set, and port 0 is none at which verifiers find the keys");
  }
  const scheme = yaml.http?.tls === undefined ? "http" : "https";
  return fromEnv ?? yaml.issuer ?? `${scheme}://${spellListenAddress(listen)}`;
}

function keySettings(yaml: SettingsYaml, hasRedis: boolean, around: Surroundings): KeySettings {
  const { root, files } = around;
  const { keys } = yaml;
  const spot = inside(root, "keys");
  const vault = keys?.vault;
  return {
    algorithm: keys?.algorithm ?? "ES256",
    rotateEveryMs: keys?.rotate_every ?? 30 * DAY,
    publishAheadMs: keys?.publish_ahead ?? 15 * MINUTE,
    files: (keys?.files ?? []).flatMap((file, index) => files.path(file, inside(spot, "files", index)) ?? []),
    cacheFile: keys?.cache_file === undefined ? undefined : files.absolute(keys.cache_file),
    sealingKeys: sealingKeys(hasRedis, around),
    vault: vault && {
      url: vault.url ?? "",
      key: vault.key ?? "",
      mount: vault.mount ?? "transit",
      tokenFile: files.path(vault.token_file, inside(spot, "vault", "token_file")) ?? "",
    },
  };
}

function sealingKeys(hasRedis: boolean, { variables, findings, lenient }: Surroundings): readonly Buffer[] {
  const spot = variableSpot("ICEMINT_SEALING_KEY");
  const text = variables.ICEMINT_SEALING_KEY;
  const example = "the output of: openssl rand -base64 32";
  if (text === undefined) {
    const reason = "is required with redis, where keys are kept sealed";
    if (hasRedis && lenient) findings.warning(spot, reason);
    else if (hasRedis) findings.problem(spot, reason, example);
    return [];
  }
  const keys = parseSealingKeys(text);
  if (keys === undefined) findings.problem(spot, "must be 32 bytes in base64, several by comma", example);
  return keys ?? [];
}

function httpSettings({ http }: SettingsYaml, { root, files }: Surroundings): Config["http"] {
  const spot = inside(root, "http", "tls");
  return {
    tokenPaths: present(http?.token_paths),
    trustedProxies: present(http?.trusted_proxies),
    corsOrigins: present(http?.cors_origins),
    tls: http?.tls && {
      certFile: files.path(http.tls.cert_file, inside(spot, "cert_file")) ?? "",
      keyFile: files.path(http.tls.key_file, inside(spot, "key_file")) ?? "",
    },
    maxConnectionAgeMs: http?.max_connection_age ?? 5 * MINUTE,
    reflection: http?.reflection ?? true,
  };
}

/** Only this machine reaches a loopback address. Elsewhere a page that nobody asked for must not appear. */
function statusPage(asked: boolean | undefined, adminHost: string): FixedConfig["statusPage"] {
  if (isLoopback(adminHost)) return asked === false ? "off" : "open";
  return asked === true ? "guarded" : "off";
}
