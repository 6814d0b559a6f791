/** Makes the settings of Redis from its YAML and ICEMINT_REDIS_URL. */
import type { RedisSettings } from "./config.js";
import { type Findings, type Spot, inside } from "./reading/problem.js";
import { present } from "./reading/by-schema.js";
import type { Readable } from "./reading/by-schema.js";
import type { settingsSchema } from "./schema.js";
import type { SettingFiles } from "./reading/setting-files.js";

type RedisYaml = Readable<typeof settingsSchema.shape.redis>;

export interface RedisEntry {
  readonly yaml: RedisYaml;
  /** ICEMINT_REDIS_URL, which overrides the file. */
  readonly variableUrl: string | undefined;
  readonly spot: Spot;
}

/** The settings, or undefined for state in memory. Reports problems. */
export function redisSettings(
  { yaml, variableUrl, spot }: RedisEntry,
  files: SettingFiles,
  findings: Findings,
): RedisSettings | undefined {
  if (yaml === undefined && variableUrl === undefined) return undefined;
  const url = variableUrl ?? yaml?.url;
  if ([url, yaml?.sentinel, yaml?.cluster].filter((way) => way !== undefined).length !== 1) {
    const reason = "must have exactly one of url (or ICEMINT_REDIS_URL), sentinel, cluster";
    findings.problem(spot, reason, "{ url: redis://redis:6379 }");
  }
  for (const kind of ["sentinel", "cluster"] as const) {
    if (yaml?.[kind]?.hosts?.length === 0) {
      findings.problem(inside(spot, kind, "hosts"), "must not be empty", "[redis-0:6379, redis-1:6379]");
    }
  }
  const sentinelPassword = files.secret(yaml?.sentinel?.password_file, inside(spot, "sentinel", "password_file"));
  return {
    topology: topologyOf(yaml, url, sentinelPassword),
    prefix: yaml?.prefix ?? "icemint",
    username: yaml?.username,
    password: files.secret(yaml?.password_file, inside(spot, "password_file")),
    tls: tlsOf(yaml, inside(spot, "tls"), files, findings),
  };
}

function topologyOf(
  yaml: RedisYaml,
  url: string | undefined,
  sentinelPassword: string | undefined,
): RedisSettings["topology"] {
  if (yaml?.sentinel !== undefined) {
    const { hosts, master = "" } = yaml.sentinel;
    return { kind: "sentinel", hosts: present(hosts), master, password: sentinelPassword };
  }
  if (yaml?.cluster !== undefined) return { kind: "cluster", hosts: present(yaml.cluster.hosts) };
  return { kind: "single", url: url ?? "" };
}

function tlsOf(yaml: RedisYaml, spot: Spot, files: SettingFiles, findings: Findings): RedisSettings["tls"] {
  if (yaml?.tls === undefined) return undefined;
  const { ca_file, cert_file, key_file } = yaml.tls;
  if ((cert_file === undefined) !== (key_file === undefined)) {
    findings.problem(spot, "must have both cert_file and key_file, or neither");
  }
  return {
    caFile: files.path(ca_file, inside(spot, "ca_file")),
    certFile: files.path(cert_file, inside(spot, "cert_file")),
    keyFile: files.path(key_file, inside(spot, "key_file")),
  };
}
