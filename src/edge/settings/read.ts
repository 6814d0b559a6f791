/** Reads the settings file of `icemint edge`. Reports all problems together. */
import { readBySchema, present, type Readable } from "../../config/reading/by-schema.js";
import type { ConfigDisk } from "../../config/reading/disk.js";
import { isLoopback } from "../../config/reading/listen-address.js";
import { Findings, inside, type Spot } from "../../config/reading/problem.js";
import { readYamlFile } from "../../config/reading/yaml-file.js";
import { serverAddress } from "../../client/server-address.js";
import { TOKEN_PATH } from "../../oauth/paths.js";
import { MINUTE } from "../../time/clock.js";
import { rulePathProblem, unreachableRules } from "../inbound/rules.js";
import { edgeSchema } from "./schema.js";
import type {
  EdgeCredential,
  EdgeSettings,
  EndpointAddress,
  InboundSettings,
  OutboundSettings,
  PathRule,
  TokenEntry,
} from "./settings.js";

type EdgeYaml = Readable<typeof edgeSchema>;
type OutboundYaml = NonNullable<EdgeYaml["outbound"]>;
type InboundYaml = NonNullable<EdgeYaml["inbound"]>;

const DEFAULT_MODE = 0o600;

/** Throws `ConfigProblems`, which lists every problem. */
export function readEdgeSettings(file: string, disk: ConfigDisk): EdgeSettings {
  const findings = new Findings();
  const { source, value, isBroken } = readYamlFile(file, file, disk, findings);
  if (isBroken) findings.throwProblems();
  const root: Spot = { source, path: [] };
  const yaml = readBySchema(edgeSchema, value ?? {}, root, findings) ?? {};
  const server = serverOf(yaml.server, inside(root, "server"), findings);
  if (yaml.outbound === undefined && yaml.inbound === undefined) {
    findings.problem(root, "holds neither outbound nor inbound: the edge would do nothing");
  }
  const settings: EdgeSettings = {
    server,
    tokenPath: yaml.token_path ?? TOKEN_PATH,
    credential: credentialOf(yaml.credential, inside(root, "credential"), findings),
    outbound: yaml.outbound && outboundOf(yaml.outbound, inside(root, "outbound"), findings),
    inbound: yaml.inbound && inboundOf(yaml.inbound, server, inside(root, "inbound"), findings),
    admin: yaml.admin ?? { host: "127.0.0.1", port: 9465 },
  };
  findings.throwProblems();
  return settings;
}

/** Credentials and tokens go there. */
function serverOf(server: string | undefined, spot: Spot, findings: Findings): string {
  if (server === undefined) return "";
  try {
    return serverAddress(server);
  } catch {
    findings.problem(
      spot,
      "must be https, or http on loopback, without query and fragment",
      "https://tokens.example.com",
    );
    return "";
  }
}

function credentialOf(yaml: EdgeYaml["credential"], spot: Spot, findings: Findings): EdgeCredential {
  const { client_id: clientId, jwt_file: jwt, secret_file: secret, private_key_file: key } = yaml ?? {};
  const files = [jwt, secret, key].filter((file) => file !== undefined);
  if (yaml !== undefined && files.length !== 1) {
    findings.problem(spot, "needs exactly one of jwt_file, secret_file and private_key_file");
  }
  if (yaml?.audience !== undefined && key === undefined) {
    findings.problem(inside(spot, "audience"), "is only for private_key_file: the others' audience is fixed");
  }
  if (jwt !== undefined) return { kind: "jwt", clientId, file: jwt };
  if (yaml !== undefined && clientId === undefined && files.length === 1) {
    findings.problem(inside(spot, "client_id"), "is missing", "spark");
  }
  if (secret !== undefined) return { kind: "secret", clientId: clientId ?? "", file: secret };
  return { kind: "private_key", clientId: clientId ?? "", file: key ?? "", audience: yaml?.audience };
}

function outboundOf(yaml: OutboundYaml, spot: Spot, findings: Findings): OutboundSettings {
  const tokens = (yaml.tokens ?? []).flatMap((entry): readonly TokenEntry[] =>
    entry?.name === undefined
      ? []
      : [
          {
            name: entry.name,
            scope: entry.scope,
            audience: entry.audience ?? [],
            resource: entry.resource ?? [],
            file: entry.file,
            mode: entry.mode === undefined ? DEFAULT_MODE : Number.parseInt(entry.mode, 8),
          },
        ],
  );
  reportRepeats(
    tokens.map(({ name }) => name),
    "has a name that another has",
    inside(spot, "tokens"),
    findings,
  );
  const files = tokens.flatMap(({ file }) => file ?? []);
  reportRepeats(files, "has a file that another has", inside(spot, "tokens"), findings);
  if (yaml.listen === undefined && files.length === 0) {
    findings.problem(spot, "has neither listen nor a token with a file: nobody would get a token");
  }
  const isLocal = yaml.listen === undefined || isLocalAddress(yaml.listen);
  const hosts = present(yaml.hosts);
  if (isLocal && hosts.length > 0) {
    findings.problem(
      inside(spot, "hosts"),
      "must be empty where only this machine can call: loopback's names are accepted",
    );
  }
  if (!isLocal && hosts.length === 0)
    findings.problem(inside(spot, "hosts"), "is required beyond loopback", "[edge.lake.svc]");
  if (!isLocal && yaml.secret_file === undefined) {
    findings.problem(inside(spot, "secret_file"), "is required beyond loopback", "/run/secrets/edge");
  }
  return { listen: yaml.listen, hosts: hosts.map((host) => host.toLowerCase()), secretFile: yaml.secret_file, tokens };
}

export function isLocalAddress(address: EndpointAddress): boolean {
  return address.kind === "unix" || isLoopback(address.host);
}

function reportRepeats(values: readonly string[], reason: string, spot: Spot, findings: Findings): void {
  values.forEach((value, index) => {
    if (values.indexOf(value) < index) findings.problem(inside(spot, index), reason);
  });
}

function inboundOf(yaml: InboundYaml, server: string, spot: Spot, findings: Findings): InboundSettings {
  const rules = (yaml.rules ?? []).flatMap((rule, index): readonly PathRule[] => {
    const path = rule?.path;
    const problem = path === undefined ? undefined : rulePathProblem(path);
    if (problem !== undefined) findings.problem(inside(spot, "rules", index, "path"), problem, "/v1/admin/*");
    return path === undefined ? [] : [{ path, scopes: present(rule?.scopes) }];
  });
  if (yaml.ext_authz === undefined && yaml.forward_auth === undefined) {
    findings.problem(spot, "has neither ext_authz nor forward_auth: nobody could ask");
  }
  for (const index of unreachableRules(rules)) {
    findings.problem(inside(spot, "rules", index), "is never reached: a rule before it fits all of its paths");
  }
  if (yaml.forward_auth !== undefined && rules.length > 0 && yaml.path_header === undefined) {
    findings.problem(inside(spot, "path_header"), "is required by rules with forward_auth", "X-Forwarded-Uri");
  }
  return {
    extAuthz: yaml.ext_authz,
    forwardAuth: yaml.forward_auth,
    issuer: yaml.issuer ?? server,
    audience: yaml.audience ?? "",
    pathHeader: yaml.path_header?.toLowerCase(),
    rules,
    maxStalenessMs: yaml.max_staleness ?? 5 * MINUTE,
    whenStale: yaml.when_stale ?? "refuse",
    strip: yaml.strip ?? false,
  };
}
