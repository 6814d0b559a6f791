/**
 * Owns the order of reading: variables, the YAML file, shapes, rules, issuers, client files. Reports all problems together.
 * Knows no setting by itself: `shape.ts` knows defaults, and `rules.ts`, `clients/` and `issuers/` know the rules. It touches
 * neither the process nor the disk: `main.ts` hands in the environment, and a `ConfigDisk` the files.
 */
import { z } from "zod";
import type { Clock } from "../time/clock.js";
import { isJsonObject } from "../oauth/json.js";
import { checkClients } from "./clients/rules.js";
import { checkDelegation } from "./clients/delegation-rules.js";
import { clientSchema } from "./clients/schema.js";
import type { SecretSources } from "./clients/secrets.js";
import { checkWorkloads } from "./clients/workload-checks.js";
import { readWorkload } from "./clients/workload-read.js";
import type { Config } from "./config.js";
import type { ConfigDisk } from "./reading/disk.js";
import { checkVariableNames, readEnv } from "./env.js";
import { freeze } from "./reload/freeze.js";
import { checkIssuers } from "./issuers/rules.js";
import { Findings, type Spot, inside } from "./reading/problem.js";
import { readBySchema, type Readable } from "./reading/by-schema.js";
import { type ClientDefaults, type ClientEntry, type FoundClient, readClient } from "./clients/read.js";
import { type FoundIssuer, readIssuer } from "./issuers/read.js";
import { checkIssuerFiles, checkMaterial } from "./material.js";
import { settingsDigest } from "./settings-digest.js";
import { settingsSchema } from "./schema.js";
import { checkSettings } from "./rules.js";
import { type SettingFiles, settingFiles } from "./reading/setting-files.js";
import { shapeSettings, type SettingsYaml } from "./shape.js";
import { readYamlFile } from "./reading/yaml-file.js";

export interface ConfigSources {
  /** The settings file (`--config`); without it ICEMINT_CONFIG; without both, defaults. */
  readonly file: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly disk: ConfigDisk;
  readonly clock: Clock;
  /**
   * Whether secrets, variables and files that are not there are only warnings: for a check far from the deployment,
   * never for a start.
   */
  readonly withoutSecrets?: boolean;
  /** The settings that a running server started with. Those that need a restart stay until then. */
  readonly running?: Pick<Config, "issuer" | "tokens">;
}

/** Reads the settings; the result is frozen. Throws `ConfigProblems`, which lists every problem. */
export function readConfig(sources: ConfigSources): Config {
  const { file, env, disk, clock, withoutSecrets = false, running } = sources;
  const findings = new Findings();
  const variables = readEnv({ env, disk, findings });
  const main = readMain(file ?? variables.ICEMINT_CONFIG, disk, findings);
  const files = settingFiles({ file: main.path, disk, findings, lenient: withoutSecrets });
  const { yaml, root } = main;
  const hasFile = main.path !== undefined;
  const redisNames = namesIn(main.raw, "redis");
  const fixed = shapeSettings(yaml, { variables, root, files, findings, hasFile, redisNames, lenient: withoutSecrets });
  checkSettings(fixed, root, findings);
  const material = { disk, findings, root };
  // A running server follows changes of these files by itself.
  if (running === undefined) checkMaterial(fixed, material);
  const issuer = running?.issuer ?? fixed.issuer;

  const issuers = (yaml.trusted_issuers ?? []).flatMap((trusted, index): FoundIssuer[] => {
    const entry = { yaml: trusted ?? {}, raw: listIn(main.raw, "trusted_issuers")[index], files };
    const spot = inside(root, "trusted_issuers", index);
    return trusted === undefined ? [] : [readIssuer({ ...entry, spot }, issuer, findings)];
  });
  checkIssuers(issuers, findings);
  checkIssuerFiles(issuers, material);

  const filePatterns = (yaml.clients_files ?? []).flatMap((pattern) => (pattern ? [files.absolute(pattern)] : []));
  const entries = [
    ...entriesOf(yaml.clients, listIn(main.raw, "clients"), inside(root, "clients"), files),
    ...clientFiles(filePatterns, root, { disk, findings, lenient: withoutSecrets }),
  ];
  const { accessTtlMs } = fixed.tokens;
  const audiences = { allowed: new Set([issuer]), default: [issuer] };
  const defaults = { audiences, accessTtlMs, longestTtlMs: running?.tokens.accessTtlMs ?? accessTtlMs };
  const clients = readClients(entries, defaults, { env, findings, now: clock(), lenient: withoutSecrets });
  checkClients(clients, issuers, findings);
  const workloads = (yaml.workloads ?? []).flatMap((workload, index) =>
    workload === undefined ? [] : [readWorkload(workload, inside(root, "workloads", index), defaults, findings)],
  );
  checkWorkloads(workloads, { clients, issuers }, findings);
  checkDelegation({ clients, workloads, issuers }, findings);
  if (hasFile && clients.length + workloads.length === 0)
    findings.warning(inside(root, "clients"), "is empty: nobody gets a token");
  checkVariableNames(Object.keys(env), variablesInUse(entries), findings);

  findings.throwProblems();
  const reloadable = {
    clients: clients.map(({ client }) => client),
    workloads: workloads.flatMap(({ rule }) => rule ?? []),
    trustedIssuers: issuers.map((found) => found.issuer),
  };
  return freeze({
    ...fixed,
    ...reloadable,
    digest: settingsDigest(reloadable),
    warnings: findings.warnings,
    files: findings.files,
    filePatterns,
  });
}

interface Main {
  readonly path: string | undefined;
  readonly yaml: SettingsYaml;
  readonly raw: unknown;
  readonly root: Spot;
}

function readMain(path: string | undefined, disk: ConfigDisk, findings: Findings): Main {
  if (path === undefined) {
    return { path, yaml: {}, raw: {}, root: { source: { file: "icemint.yaml", lineOf: () => undefined }, path: [] } };
  }
  const { source, value, isBroken } = readYamlFile(path, path, disk, findings);
  // Without the file every rule would report settings that may well be in it.
  if (isBroken) findings.throwProblems();
  const root: Spot = { source, path: [] };
  return { path, yaml: readBySchema(settingsSchema, value ?? {}, root, findings) ?? {}, raw: value, root };
}

/** The clients of the files that match, each file either a list or a mapping with `clients`. */
function clientFiles(
  patterns: readonly string[],
  root: Spot,
  around: { readonly disk: ConfigDisk; readonly findings: Findings; readonly lenient: boolean },
): readonly ClientEntry[] {
  const { disk, findings } = around;
  const seen = new Set<string>();
  return patterns.flatMap((pattern, index) => {
    const paths = disk.list(pattern);
    if (paths.length === 0) reportNoMatch(pattern, inside(root, "clients_files", index), around);
    return paths.flatMap((path): readonly ClientEntry[] => {
      if (seen.has(path)) return [];
      seen.add(path);
      const { source, value } = readYamlFile(path, path, disk, findings);
      const files = settingFiles({ file: path, ...around });
      const isMapping = isJsonObject(value);
      const spot: Spot = { source, path: isMapping ? ["clients"] : [] };
      const yaml = isMapping
        ? readBySchema(clientsFileSchema, value, { source, path: [] }, findings)?.clients
        : readBySchema(z.array(clientSchema), value ?? [], spot, findings);
      return entriesOf(yaml, isMapping ? listIn(value, "clients") : asList(value), spot, files);
    });
  });
}

/** A pattern may match nothing yet. A name of one file that is gone would take its clients away in silence. */
function reportNoMatch(
  pattern: string,
  spot: Spot,
  { findings, lenient }: { readonly findings: Findings; readonly lenient: boolean },
): void {
  if (/[*?[\]{}]/.test(pattern) || lenient) findings.warning(spot, "matches no file");
  else findings.problem(spot, "names a file that is not there (a pattern, such as clients.d/*.yaml, may match none)");
}

const clientsFileSchema = z.strictObject({ clients: z.array(clientSchema) });

function entriesOf(
  yaml: readonly (Readable<typeof clientSchema> | undefined)[] | undefined,
  raw: readonly unknown[],
  spot: Spot,
  files: SettingFiles,
): readonly ClientEntry[] {
  return (yaml ?? []).flatMap((client, index) =>
    client === undefined ? [] : [{ yaml: client, raw: raw[index], spot: inside(spot, index), files }],
  );
}

function readClients(
  entries: readonly ClientEntry[],
  defaults: ClientDefaults,
  sources: SecretSources,
): readonly FoundClient[] {
  return entries.map((entry) => readClient(entry, defaults, sources));
}

function variablesInUse(entries: readonly ClientEntry[]): ReadonlySet<string> {
  return new Set(entries.flatMap(({ yaml }) => (yaml.secrets ?? []).flatMap((secret) => secret?.env ?? [])));
}

/** Names with a value. */
function namesIn(value: unknown, name: string): readonly string[] {
  const inner = isJsonObject(value) ? value[name] : undefined;
  return isJsonObject(inner) ? Object.keys(inner).filter((key) => inner[key] !== null) : [];
}

function listIn(value: unknown, name: string): readonly unknown[] {
  return isJsonObject(value) ? asList(value[name]) : [];
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
