/** Makes a client from its YAML. Owns its defaults, and every rule that one client can break by itself. */
import type { Ceiling, Client } from "../../clients/client.js";
import { RESERVED_CLAIMS } from "../../oauth/access-token.js";
import { wholeSecond } from "../../time/clock.js";
import type { GrantType } from "../../oauth/grant-type.js";
import { isJsonObject } from "../../oauth/json.js";
import { checkClientKeys, clientKeys } from "./keys.js";
import type { clientSchema } from "./schema.js";
import { type FoundSecret, readSecret, type SecretSources } from "./secrets.js";
import { spellDuration } from "../reading/duration.js";
import { type Findings, type Spot, inside } from "../reading/problem.js";
import { type Readable, present } from "../reading/by-schema.js";
import type { SettingFiles } from "../reading/setting-files.js";

export type ClientYaml = NonNullable<Readable<typeof clientSchema>>;

/** A client's YAML and where it stands. */
export interface ClientEntry {
  readonly yaml: ClientYaml;
  /** The same before reading. */
  readonly raw: unknown;
  readonly spot: Spot;
  /** Resolves the paths that it names. */
  readonly files: SettingFiles;
}

/** A client, with the values that rules compare across clients. */
export interface FoundClient extends ClientEntry {
  readonly client: Client;
  readonly secrets: readonly FoundSecret[];
}

/** Defaults from the settings around a client. */
export interface ClientDefaults {
  /** The issuer itself: of the running server, if there is one, as a new issuer needs a restart. */
  readonly audiences: Ceiling;
  /** `tokens.access_ttl` of the file. */
  readonly accessTtlMs: number;
  /** The longest life that keys are kept published for: until a restart that of the running server. */
  readonly longestTtlMs: number;
}

/** The scopes of Iceberg's clients by default. */
const DEFAULT_SCOPES: Ceiling = { allowed: new Set(["catalog", "PRINCIPAL_ROLE:ALL"]), default: ["catalog"] };
const NONE: ReadonlySet<never> = new Set<never>();
/** Iceberg's clients get by client_credentials and refresh by token_exchange; refresh_token must be asked for. */
const DEFAULT_GRANTS: ReadonlySet<GrantType> = new Set(["client_credentials", "token_exchange"]);

/** Reads one client. With problems reported the record is not fit for use, but rules can go on comparing it. */
export function readClient(entry: ClientEntry, defaults: ClientDefaults, sources: SecretSources): FoundClient {
  const { yaml, raw, spot, files } = entry;
  const { findings } = sources;
  const rawSecrets = isJsonObject(raw) && Array.isArray(raw["secrets"]) ? raw["secrets"] : [];
  const secrets = (yaml.secrets ?? []).flatMap((secret, index) => {
    if (secret === undefined) return [];
    const names = Object.keys(rawSecrets[index] ?? {});
    const at = inside(spot, "secrets", index);
    return readSecret({ yaml: secret, spot: at, names, clientId: yaml.id, files }, sources) ?? [];
  });
  checkClaims(yaml, "claims", spot, findings);
  checkClientKeys(yaml, spot, findings);
  if (yaml.unsecured_subjects?.allow?.some((pattern) => pattern !== undefined && /^\*+$/.test(pattern))) {
    findings.warning(
      inside(spot, "unsecured_subjects", "allow"),
      "lets this client name any user without proof; a pattern such as *@example.com narrows it",
    );
  }
  checkPatterns(yaml, spot, findings);
  checkRecord(yaml, defaults, spot, findings);
  checkCanAuthenticate(yaml, spot, findings);
  const client: Client = {
    ...readRecord(yaml, defaults, spot, findings),
    id: yaml.id ?? "",
    name: yaml.name,
    secrets: secrets.map(({ secret }) => secret),
    federated: present(yaml.federated).map(({ issuer = "", subject = "" }) => ({ issuer, subject })),
    keys: clientKeys(yaml),
    singleUse: yaml.single_use ?? false,
    claims: yaml.claims ?? {},
    unsecuredSubjects: yaml.unsecured_subjects && present(yaml.unsecured_subjects.allow),
    workload: undefined,
  };
  return { ...entry, client, secrets };
}

/** The settings that a client and the clients of a workload rule share. */
export type RecordYaml = Pick<
  ClientYaml,
  | "grants"
  | "scopes"
  | "audiences"
  | "user_claims"
  | "may_act_for"
  | "act_for_issuers"
  | "access_ttl"
  | "permissions"
  | "serves"
  | "disabled"
>;

type ClientRecord = Omit<
  Client,
  "id" | "name" | "secrets" | "federated" | "keys" | "singleUse" | "claims" | "unsecuredSubjects" | "workload"
>;

export function checkRecord(yaml: RecordYaml, defaults: ClientDefaults, spot: Spot, findings: Findings): void {
  checkClaims(yaml, "user_claims", spot, findings);
  checkAccessTtl(yaml, defaults, spot, findings);
  checkGrants(yaml, spot, findings);
  checkServes(yaml, spot, findings);
}

export function readRecord(yaml: RecordYaml, defaults: ClientDefaults, spot: Spot, findings: Findings): ClientRecord {
  return {
    grants: yaml.grants === undefined ? DEFAULT_GRANTS : new Set(present(yaml.grants)),
    scopes: ceiling(yaml.scopes, inside(spot, "scopes"), findings, (allowed) => allowed) ?? DEFAULT_SCOPES,
    audiences:
      ceiling(yaml.audiences, inside(spot, "audiences"), findings, (allowed) => allowed.slice(0, 1)) ??
      defaults.audiences,
    userClaims: yaml.user_claims ?? {},
    mayActFor: setOf(yaml.may_act_for),
    actForIssuers: yaml.act_for_issuers && new Set(present(yaml.act_for_issuers)),
    accessTtlMs: wholeSecond(Math.min(yaml.access_ttl ?? Infinity, defaults.accessTtlMs, defaults.longestTtlMs)),
    permissions: setOf(yaml.permissions),
    serves: yaml.serves && new Set(present(yaml.serves)),
    disabled: yaml.disabled ?? false,
  };
}

/** Most clients have none of these: they share one, as there may be many clients. */
function setOf<T>(list: readonly (T | undefined)[] | undefined): ReadonlySet<T> {
  return list === undefined ? NONE : new Set(present(list));
}

interface CeilingYaml {
  readonly allowed?: readonly (string | undefined)[] | undefined;
  readonly default?: readonly (string | undefined)[] | undefined;
}

/** Allowed values and those given by default; `fallback` chooses the default among the allowed if none is set. */
function ceiling(
  yaml: CeilingYaml | undefined,
  spot: Spot,
  findings: Findings,
  fallback: (allowed: readonly string[]) => readonly string[],
): Ceiling | undefined {
  if (yaml === undefined) return undefined;
  const allowed = present(yaml.allowed);
  const isWhole = yaml.allowed !== undefined && allowed.length === yaml.allowed.length;
  for (const [index, value] of (yaml.default ?? []).entries()) {
    if (isWhole && value !== undefined && !allowed.includes(value)) {
      findings.problem(inside(spot, "default", index), "is not among the allowed ones");
    }
  }
  if (spot.path.at(-1) === "audiences" && yaml.allowed?.length === 0) {
    findings.problem(inside(spot, "allowed"), "must not be empty: a token is always for somebody");
  }
  const chosen = yaml.default === undefined ? fallback(allowed) : present(yaml.default);
  return { allowed: new Set(allowed), default: [...new Set(chosen)] };
}

function checkClaims<Setting extends "claims" | "user_claims">(
  yaml: Pick<ClientYaml, Setting>,
  setting: Setting,
  spot: Spot,
  findings: Findings,
): void {
  for (const name of Object.keys(yaml[setting] ?? {})) {
    if (RESERVED_CLAIMS.has(name)) {
      findings.problem(inside(spot, setting, name), "is a claim that only icemint sets", "{ team: etl }");
    }
  }
}

function checkAccessTtl(yaml: RecordYaml, defaults: ClientDefaults, spot: Spot, findings: Findings): void {
  if (yaml.access_ttl === undefined || yaml.access_ttl <= defaults.accessTtlMs) return;
  const most = spellDuration(defaults.accessTtlMs);
  findings.problem(inside(spot, "access_ttl"), `must not be longer than tokens.access_ttl (${most})`, most);
}

function checkGrants(yaml: RecordYaml, spot: Spot, findings: Findings): void {
  const at = inside(spot, "grants");
  // A resource server or an operator needs none.
  const isForTokens = yaml.permissions === undefined && yaml.serves === undefined;
  if (yaml.grants?.length === 0 && isForTokens) findings.warning(at, "is empty: the client gets no token");
  if (yaml.grants?.includes("refresh_token") && !yaml.grants.includes("token_exchange")) {
    findings.warning(at, "has refresh_token without token_exchange: only an exchange begins what it could refresh");
  }
}

function checkServes(yaml: RecordYaml, spot: Spot, findings: Findings): void {
  if (yaml.serves?.length === 0) {
    findings.warning(inside(spot, "serves"), "is empty: every token of others is inactive to this client");
  }
  if (yaml.serves === undefined && yaml.permissions?.includes("introspect")) {
    findings.warning(
      inside(spot, "permissions"),
      "has introspect without serves: tokens for any audience are active to this client. " +
        "A resource server should name its own: serves: [https://catalog.example.com]",
    );
  }
}

function checkPatterns(yaml: ClientYaml, spot: Spot, findings: Findings): void {
  for (const [index, pattern] of (yaml.unsecured_subjects?.allow ?? []).entries()) {
    if (pattern === undefined || !/\.[*+]|^\^|\$$|\\|\[.*\]|\(.*\)/.test(pattern)) continue;
    const reason = "looks like a regular expression: * stands for any characters, and everything else for itself";
    findings.warning(inside(spot, "unsecured_subjects", "allow", index), reason);
  }
}

function checkCanAuthenticate(yaml: ClientYaml, spot: Spot, findings: Findings): void {
  const keys = Array.isArray(yaml.jwks?.["keys"]) ? yaml.jwks["keys"].length : 0;
  const ways = (yaml.secrets?.length ?? 0) + (yaml.federated?.length ?? 0) + keys;
  if (ways > 0 || yaml.jwks_uri !== undefined || yaml.disabled === true) return;
  findings.problem(
    spot,
    "has no way to prove who it is: it needs secrets, federated, jwks or jwks_uri (or disabled: true)",
    "secrets: [{ env: SPARK_SECRET }]",
  );
}
