/** Makes the settings of Redis from its YAML and ICEMINT_REDIS_URL. */
import type { RedisSettings, RedisTlsSettings } from "./config.js";
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
  /** The file that the variable's value came from (ICEMINT_REDIS_URL_FILE). */
  readonly urlFile: string | undefined;
  readonly spot: Spot;
  /** The names that were written, the wrong values among them too. */
  readonly names: readonly string[];
}

/** The settings, or undefined for state in memory. Reports problems. */
export function redisSettings(
  { yaml, variableUrl, urlFile, spot, names }: RedisEntry,
  files: SettingFiles,
  findings: Findings,
): RedisSettings | undefined {
  if (yaml === undefined && variableUrl === undefined) return undefined;
  const url = variableUrl ?? yaml?.url;
  const ways = new Set(names.filter((name) => ["url", "sentinel", "cluster"].includes(name)));
  if (variableUrl !== undefined) ways.add("url");
  if (ways.size !== 1) {
    const reason = "must have exactly one of url (or ICEMINT_REDIS_URL), sentinel, cluster";
    findings.problem(spot, reason, "{ url: redis://redis:6379 }");
  }
  for (const kind of ["sentinel", "cluster"] as const) {
    if (yaml?.[kind]?.hosts?.length === 0) {
      findings.problem(inside(spot, kind, "hosts"), "must not be empty", "[redis-0:6379, redis-1:6379]");
    }
  }
  const tls = tlsOf(yaml?.tls, inside(spot, "tls"), files, findings);
  return {
    topology: sentinelOf({ yaml, tls, spot, files, findings }) ?? topologyOf(yaml, url, urlFile),
    prefix: yaml?.prefix ?? "icemint",
    username: yaml?.username,
    passwordFile: files.secretPath(yaml?.password_file, inside(spot, "password_file")),
    tls,
  };
}

function sentinelOf(of: {
  readonly yaml: RedisYaml;
  readonly tls: RedisTlsSettings | undefined;
  readonly spot: Spot;
  readonly files: SettingFiles;
  readonly findings: Findings;
}): RedisSettings["topology"] | undefined {
  const { yaml, tls, files, findings } = of;
  const sentinel = yaml?.sentinel;
  if (sentinel === undefined) return undefined;
  const spot = inside(of.spot, "sentinel");
  const { hosts, master = "", username, tls: own } = sentinel;
  if (username !== undefined && sentinel.password_file === undefined) {
    findings.problem(inside(spot, "username"), "needs a password_file beside it");
  }
  return {
    kind: "sentinel",
    hosts: present(hosts),
    master,
    username,
    passwordFile: files.secretPath(sentinel.password_file, inside(spot, "password_file")),
    tls: own === undefined ? tls : own === false ? undefined : tlsOf(own, inside(spot, "tls"), files, findings),
  };
}

function topologyOf(yaml: RedisYaml, url: string | undefined, urlFile: string | undefined): RedisSettings["topology"] {
  if (yaml?.cluster !== undefined) return { kind: "cluster", hosts: present(yaml.cluster.hosts) };
  // What is read from the file for each connection is no setting: changing it needs no restart.
  return { kind: "single", url: urlFile === undefined ? (url ?? "") : withoutCredentials(url ?? ""), urlFile };
}

function withoutCredentials(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return url;
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}

function tlsOf(
  yaml: NonNullable<RedisYaml>["tls"],
  spot: Spot,
  files: SettingFiles,
  findings: Findings,
): RedisTlsSettings | undefined {
  if (yaml === undefined) return undefined;
  const { ca_file, cert_file, key_file, servername } = yaml;
  if ((cert_file === undefined) !== (key_file === undefined)) {
    findings.problem(spot, "must have both cert_file and key_file, or neither");
  }
  return {
    caFile: files.path(ca_file, inside(spot, "ca_file")),
    certFile: files.path(cert_file, inside(spot, "cert_file")),
    keyFile: files.path(key_file, inside(spot, "key_file")),
    servername,
  };
}
