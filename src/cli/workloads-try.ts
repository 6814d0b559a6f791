/** `icemint workloads try`: which rule a workload's token matches, which nearly does, and why not. Asks no server. */
import { parseArgs } from "node:util";
import { clientSet } from "../clients/client-registry.js";
import { describeDifference, partsOf } from "../clients/subject-pattern.js";
import { type WorkloadIdentity, type WorkloadRule, judge } from "../clients/workload-rule.js";
import type { Config } from "../config/config.js";
import { readConfig } from "../config/read.js";
import type { ConfigDisk } from "../config/reading/disk.js";
import { ConfigProblems, spellProblem } from "../config/reading/problem.js";
import { trustDomainOf } from "../issuers/spiffe-id.js";
import { readCompactJws } from "../jwt/compact-jws.js";
import { parseStrictJson } from "../jwt/strict-json.js";
import { type JsonObject, isJsonObject } from "../oauth/json.js";
import type { Clock } from "../time/clock.js";
import type { CommandContext } from "./command.js";

export const USAGE = `usage: icemint workloads try [FILE] (--token-file FILE | --claims-file FILE)
  FILE           the settings file (default: ICEMINT_CONFIG)
  --token-file   a workload's token; - reads it from standard input
  --claims-file  the claims of one, as JSON; - reads them from standard input

Looks at issuer, subject and claims. Signature, audience and times are the server's to check.
`;

export type WorkloadsTryContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr" | "readStdin"> & {
  readonly disk: ConfigDisk;
  readonly clock: Clock;
};

/** Runs the command. Resolves with the exit code: 0 if the token stands for a client, 1 if not, 2 for wrong arguments. */
export async function workloadsTry(context: WorkloadsTryContext): Promise<number> {
  const { stdout, stderr, env, disk, clock } = context;
  const options = readArguments(context.args);
  if (options === undefined || (options.file === undefined && !env["ICEMINT_CONFIG"])) {
    stderr.write(USAGE);
    return 2;
  }
  try {
    const text = options.source === "-" ? await context.readStdin() : read(options.source, disk);
    const claims = options.isToken ? claimsOfToken(text.trim()) : claimsOfJson(text);
    const config = readConfig({ file: options.file, env, disk, clock, withoutSecrets: true });
    const { lines, stands } = tryClaims(claims, config);
    stdout.write(lines.map((line) => `${line}\n`).join(""));
    return stands ? 0 : 1;
  } catch (error) {
    if (error instanceof ConfigProblems) {
      stderr.write(error.problems.map((problem) => `${spellProblem(problem)}\n`).join(""));
    } else if (error instanceof UnreadableToken) {
      stderr.write(`icemint: ${error.message}\n`);
    } else {
      throw error;
    }
    return 1;
  }
}

class UnreadableToken extends Error {}

const unreadable = (detail: string): Error => new UnreadableToken(detail);

function read(path: string, disk: ConfigDisk): string {
  try {
    return disk.read(path);
  } catch {
    throw unreadable(`${path} cannot be read`);
  }
}

function claimsOfToken(text: string): JsonObject {
  return readCompactJws(text, unreadable).claims;
}

function claimsOfJson(text: string): JsonObject {
  let claims: unknown;
  try {
    claims = parseStrictJson(text);
  } catch {
    throw unreadable("the claims are not JSON with each member once");
  }
  if (isJsonObject(claims)) return claims;
  throw unreadable("the claims are no JSON object");
}

/** The result for the claims, in lines, and whether they stand for a client that is served. */
function tryClaims(
  claims: JsonObject,
  { clients, workloads, trustedIssuers }: Config,
): { readonly lines: readonly string[]; readonly stands: boolean } {
  const { sub } = claims;
  const issuer = issuerOf(claims, trustedIssuers);
  if (issuer === undefined || typeof sub !== "string") {
    return { lines: ["no rule matches: iss or sub is missing or is no string"], stands: false };
  }
  const identity: WorkloadIdentity = { issuer, subject: sub, claims };
  const set = clientSet(clients, workloads);
  const registered = set.byFederatedIdentity.get(`${issuer}\n${sub}`);
  const { client, rules } = set.workloads.match(identity);
  const lines = workloads.map((rule) => `${rule.name}: ${verdictOf(rule, identity)}`);
  if (registered !== undefined) {
    lines.push(`client ${registered.id} is registered for this identity: it wins over every rule${off(registered)}`);
  } else if (rules.length > 1) {
    lines.push("refused: more than one rule matches");
  } else if (client !== undefined) {
    lines.push(`the token stands for client ${client.id}${off(client)}`);
  } else {
    lines.push("refused: no rule matches");
  }
  const found = registered ?? client;
  return { lines, stands: found !== undefined && !found.disabled };
}

function off({ disabled }: { readonly disabled: boolean }): string {
  return disabled ? " (disabled: refused)" : "";
}

/** A JWT-SVID needs no `iss`: its trust domain says who issued it. */
function issuerOf({ iss, sub }: JsonObject, issuers: Config["trustedIssuers"]): string | undefined {
  if (typeof iss === "string") return iss;
  const domain = iss === undefined && typeof sub === "string" ? trustDomainOf(sub) : undefined;
  return domain === undefined ? undefined : issuers.find(({ trustDomain }) => trustDomain === domain)?.issuer;
}

function verdictOf(rule: WorkloadRule, identity: WorkloadIdentity): string {
  const pattern = partsOf(rule.subject);
  const verdict = judge(rule, pattern, identity);
  if ("clientId" in verdict) return `matches, client ${verdict.clientId}`;
  const almost = rule.issuer.replace(/\/$/, "") === identity.issuer.replace(/\/$/, "");
  if (rule.issuer !== identity.issuer && almost) return "does not match: the issuer differs by a final slash";
  const where = rule.issuer === identity.issuer ? describeDifference(pattern, partsOf(identity.subject)) : undefined;
  return `does not match: ${verdict.whyNot}${where === undefined ? "" : ` (${where})`}`;
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { "token-file": { type: "string" }, "claims-file": { type: "string" } },
    });
    const [file, ...more] = positionals;
    const { "token-file": tokenFile, "claims-file": claimsFile } = values;
    const source = tokenFile ?? claimsFile;
    const isOne = (tokenFile === undefined) !== (claimsFile === undefined);
    if (more.length > 0 || source === undefined || !isOne) return undefined;
    return { file, source, isToken: tokenFile !== undefined };
  } catch {
    return undefined;
  }
}
