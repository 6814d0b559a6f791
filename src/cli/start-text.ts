/** The start banner. */
import type { App } from "../app.js";
import type { Config } from "../config/config.js";
import type { ListenAddress } from "../config/reading/listen-address.js";
import { TOKEN_PATH } from "../oauth/paths.js";
import { DEMO_CLIENT_ID } from "./demo-client.js";

export interface StartFacts {
  readonly config: Config;
  readonly app: Pick<App, "address" | "adminAddress" | "keysLoaded" | "storageHealth">;
  readonly version: string;
  /** The secret of the demo client, if there is one: printed this once. */
  readonly demoSecret: string | undefined;
}

/** Plain lines, the last with a line end. */
export function startText({ config, app, version, demoSecret }: StartFacts): string {
  const base = `${config.http.tls === undefined ? "http" : "https"}://${hostAndPort(app.address)}`;
  const rows: readonly (readonly [string, string])[] = [
    ["tokens", `${base}${TOKEN_PATH}`],
    ["grpc", `${hostAndPort(app.address)}  (gRPC, gRPC-Web and Connect on the same port)`],
    ["admin", `http://${hostAndPort(app.adminAddress)}  (/livez, /readyz, /metrics)`],
    ["issuer", config.issuer],
    ["state", stateText(config, app)],
    ["clients", `${config.clients.length}`],
  ];
  const warnings = [...ephemeralWarnings(config), ...config.warnings, ...app.storageHealth.warnings];
  return [
    `icemint ${version}`,
    "",
    ...rows.map(([name, value]) => `  ${name.padEnd(8)} ${value}`),
    ...(warnings.length > 0 ? ["", ...warnings.map((warning) => `  warning: ${warning}`)] : []),
    ...(demoSecret === undefined ? [] : demoText(base, demoSecret)),
    "",
    "",
  ].join("\n");
}

function stateText({ redis, keys }: Config, app: StartFacts["app"]): string {
  if (redis === undefined) return "memory, for one replica";
  const where = redis.topology.kind === "single" ? "redis" : `redis ${redis.topology.kind}`;
  const { state, trouble } = app.storageHealth;
  const why = trouble === undefined ? "" : ` (${trouble.kind}: ${trouble.reason})`;
  if (state === "up" && trouble === undefined) return `${where}, ${keysText(keys, "keys shared and rotating")}`;
  if (state === "up") return `${where}, which refuses a part of its work${why}`;
  const signing = app.keysLoaded ? keysText(keys, "keys from keys.cache_file") : "no keys";
  return `${where}, which does not answer${why}: ${signing}, no refresh tokens, no revoking`;
}

function keysText({ files, vault }: Config["keys"], shared: string): string {
  if (files.length > 0) return "keys from files";
  return vault === undefined ? shared : "keys in Vault";
}

function ephemeralWarnings({ redis, keys }: Config): readonly string[] {
  if (redis !== undefined) return [];
  const made =
    keys.files.length === 0 && keys.vault === undefined
      ? ["signing keys are made for this run: its tokens end with the process"]
      : [];
  return [...made, "state is in memory: refresh tokens and revocations end with the process"];
}

function demoText(base: string, secret: string): readonly string[] {
  const message = `{"clientCredentials":{},"clientId":"${DEMO_CLIENT_ID}","clientSecret":"${secret}"}`;
  return [
    "",
    `No settings were given, so a demo client was made for this run: ${DEMO_CLIENT_ID}`,
    "Get a token, by form:",
    "",
    `  curl ${base}${TOKEN_PATH} -d grant_type=client_credentials -d client_id=${DEMO_CLIENT_ID} -d client_secret=${secret}`,
    "",
    "or by gRPC:",
    "",
    `  npx buf curl --protocol grpc --http2-prior-knowledge -d '${message}' ${base}/icemint.v1.TokenService/GetToken`,
    "",
    "Next: `npx icemint client new ID`, and a settings file like examples/icemint.yaml.",
  ];
}

function hostAndPort({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
