/** Makes a trusted issuer from its YAML. Owns its defaults, and every rule that one issuer can break by itself. */
import { RESERVED_CLAIMS } from "../../oauth/access-token.js";
import { isJsonObject } from "../../oauth/json.js";
import { type TrustedIssuer, namesUsers } from "../../issuers/trusted-issuer.js";
import type { ClaimPath } from "../../issuers/copied-claims.js";
import type { issuerSchema } from "./schema.js";
import { isCleartext } from "../reading/listen-address.js";
import { type Findings, type Spot, inside } from "../reading/problem.js";
import { type Readable, present } from "../reading/by-schema.js";
import type { SettingFiles } from "../reading/setting-files.js";

type IssuerYaml = NonNullable<Readable<typeof issuerSchema>>;

/** A trusted issuer and where it stands. */
export interface FoundIssuer {
  readonly issuer: TrustedIssuer;
  readonly spot: Spot;
}

/** An issuer's YAML and where it stands. */
export interface IssuerEntry {
  readonly yaml: IssuerYaml;
  /** The same before reading. */
  readonly raw: unknown;
  readonly spot: Spot;
  readonly files: SettingFiles;
}

/** Reads one issuer. With problems reported the record is not fit for use, but rules can go on comparing it. */
export function readIssuer(entry: IssuerEntry, ownIssuer: string, findings: Findings): FoundIssuer {
  const { yaml, spot, files } = entry;
  checkKeySource(entry, findings);
  checkIssuer(entry, ownIssuer, findings);
  const jwksFile = files.path(yaml.jwks_file, inside(spot, "jwks_file"));
  if (jwksFile !== undefined) findings.dependsOn(jwksFile);
  const issuer: TrustedIssuer = {
    issuer: yaml.issuer ?? "",
    keys: keysOf(yaml, jwksFile),
    caFile: files.path(yaml.ca_file, inside(spot, "ca_file")),
    tokenFile: files.path(yaml.token_file, inside(spot, "token_file")),
    audience: yaml.audience ?? [ownIssuer],
    assertionAudience: yaml.assertion_audience,
    maxAssertionAgeMs: yaml.max_assertion_age,
    singleUse: yaml.single_use ?? false,
    algorithms: new Set(yaml.algorithms === undefined ? ["RS256", "ES256"] : present(yaml.algorithms)),
    use: new Set(present(yaml.use)),
    copiedClaims: present(yaml.claims),
    subject: { claim: yaml.subject?.claim ?? "sub", prefix: yaml.subject?.prefix ?? "" },
    trustDomain: yaml.trust_domain,
  };
  return { issuer, spot };
}

function checkIssuer({ yaml, spot }: IssuerEntry, ownIssuer: string, findings: Findings): void {
  if (yaml.issuer !== undefined && sameIssuer(yaml.issuer, ownIssuer)) {
    findings.problem(inside(spot, "issuer"), "is this server itself, whose tokens have rules of their own: remove it");
  }
  for (const [index, path] of (yaml.claims ?? []).entries()) {
    if (path !== undefined) checkCopiedClaim(path, inside(spot, "claims", index), findings);
  }
  checkAudiences({ yaml, spot }, findings);
  if (yaml.use?.length === 0) findings.problem(inside(spot, "use"), "must not be empty", "[subject_token]");
  if (yaml.algorithms?.length === 0) findings.problem(inside(spot, "algorithms"), "must not be empty", "[RS256]");
  if (namesUsers({ use: new Set(present(yaml.use ?? [])) }) && yaml.subject?.prefix === undefined) {
    const reason = "is missing: without one its users could be taken for clients or for another issuer's users";
    findings.problem(inside(spot, "subject", "prefix"), reason, '"idp:"');
  }
}

function checkCopiedClaim(path: ClaimPath, spot: Spot, findings: Findings): void {
  const [name = ""] = path;
  if (RESERVED_CLAIMS.has(name)) findings.problem(spot, "is a claim that only icemint sets", "email");
  // A name of a namespace (https://example.com/roles) is one name.
  const parts = name.split(".");
  if (path.length === 1 && parts.length > 1 && parts.every((part) => /^[\w-]+$/.test(part))) {
    findings.warning(spot, `is taken as one name; a claim within a claim is a list: [${parts.join(", ")}]`);
  }
}

function checkAudiences({ yaml, spot }: Pick<IssuerEntry, "yaml" | "spot">, findings: Findings): void {
  const uses = yaml.use ?? [];
  if (yaml.audience !== undefined && uses.every((use) => use === "id_jag")) {
    findings.warning(inside(spot, "audience"), "has no effect: an ID-JAG is for icemint's issuer alone");
  }
  if (!uses.includes("subject_token") || !uses.includes("client_assertion")) return;
  const { audience = [], assertion_audience: assertionAudience } = yaml;
  if (assertionAudience === undefined && audience.length > 1) {
    const reason =
      "serves users and assertions alike: a user's token could authenticate a client. Set assertion_audience";
    findings.warning(inside(spot, "audience"), reason);
  }
  if (assertionAudience?.some((name) => audience.includes(name)) === true) {
    findings.problem(inside(spot, "assertion_audience"), "is an audience of users' tokens too: name another one");
  }
}

/** Whether two identifiers name one issuer; a slash at the end is too small a difference to rely on. */
function sameIssuer(a: string, b: string): boolean {
  return a.replace(/\/+$/, "").toLowerCase() === b.replace(/\/+$/, "").toLowerCase();
}

function keysOf(yaml: IssuerYaml, jwksFile: string | undefined): TrustedIssuer["keys"] {
  if (jwksFile !== undefined) return { kind: "file", path: jwksFile };
  if (yaml.jwks_uri !== undefined) return { kind: "uri", uri: yaml.jwks_uri };
  return { kind: "discovery" };
}

function checkKeySource({ yaml, raw, spot }: IssuerEntry, findings: Findings): void {
  const names = isJsonObject(raw) ? Object.keys(raw).filter((name) => raw[name] !== null) : [];
  const sources = ["jwks_uri", "jwks_file", "discovery"];
  const given = sources.filter((name) => names.includes(name) && !(name === "discovery" && yaml.discovery === false));
  if (given.length !== 1) {
    findings.problem(spot, `must have exactly one of ${sources.join(", ")}`, "discovery: true");
  }
  const discoverable = yaml.issuer !== undefined && /^https?:\/\/[^?#]+$/.test(yaml.issuer);
  if (yaml.discovery === true && yaml.issuer !== undefined && !discoverable) {
    findings.problem(
      inside(spot, "discovery"),
      "needs an issuer that is an http or https URL",
      "jwks_uri: https://...",
    );
  }
  const fetched = yaml.jwks_uri ?? (yaml.discovery === true ? yaml.issuer : undefined);
  if (fetched !== undefined && isCleartext(fetched)) {
    const name = yaml.jwks_uri === undefined ? "issuer" : "jwks_uri";
    findings.warning(inside(spot, name), "is fetched in clear: anyone on the way can put in a key");
  }
}
