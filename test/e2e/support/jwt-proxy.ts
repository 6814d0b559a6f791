/** Envoy's `jwt_authn`, which lets through what has a token of ours for one audience: alone, or before a catalog. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { accepting, freePort } from "../../support/free-port.js";
import { tool } from "../../support/tool.js";

export const envoy = tool("envoy");

const TYPES = "type.googleapis.com/envoy.extensions";

export interface JwtProxyPlan {
  /** Of icemint: issuer and origin of its keys. */
  readonly issuer: string;
  readonly audience: string;
  /** Envoy's own is 10 minutes, and it asks for no unknown key before that is over. */
  readonly cacheSeconds: number;
  /** Envoy's own is a minute: for so long it lets expired tokens through. */
  readonly clockSkewSeconds?: number;
  /** Of the catalog behind it. Absent: Envoy answers 200 by itself. */
  readonly backendPort?: number;
}

export interface JwtProxy extends AsyncDisposable {
  readonly url: string;
}

export async function startJwtProxy(plan: JwtProxyPlan): Promise<JwtProxy> {
  const folder = mkdtempSync(join(tmpdir(), "icemint-envoy-"));
  const port = await freePort();
  const file = join(folder, "envoy.yaml");
  writeFileSync(file, stringify({ static_resources: { listeners: [listener(port, plan)], clusters: clusters(plan) } }));
  // Without a base id of its own, it would share memory with another Envoy of this machine.
  const args = ["-c", file, "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"];
  const child = spawn(envoy.path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const exited = once(child, "close");
  const ended = exited.then(([code]) => Promise.reject(new Error(`envoy ended with ${code}:\n${said}`)));
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([accepting(port, 15_000), ended]);
  } catch (error) {
    await end();
    throw error;
  }
  ended.catch(() => {}); // as `end` wants it, later
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: end };
}

function listener(port: number, plan: JwtProxyPlan): object {
  const { issuer, audience, cacheSeconds, backendPort } = plan;
  const jwks = {
    http_uri: { uri: `${issuer}/.well-known/jwks.json`, cluster: "icemint", timeout: "1s" },
    cache_duration: `${cacheSeconds}s`,
  };
  const skew = plan.clockSkewSeconds === undefined ? {} : { clock_skew_seconds: plan.clockSkewSeconds };
  const provider = { issuer, audiences: [audience], remote_jwks: jwks, forward: true, ...skew };
  const jwtAuthn = {
    "@type": `${TYPES}.filters.http.jwt_authn.v3.JwtAuthentication`,
    providers: { icemint: provider },
    rules: [{ match: { prefix: "/" }, requires: { provider_name: "icemint" } }],
  };
  const answer = backendPort === undefined ? { direct_response: { status: 200 } } : { route: { cluster: "catalog" } };
  const manager = {
    "@type": `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "catalog",
    route_config: {
      virtual_hosts: [{ name: "catalog", domains: ["*"], routes: [{ match: { prefix: "/" }, ...answer }] }],
    },
    http_filters: [
      { name: "envoy.filters.http.jwt_authn", typed_config: jwtAuthn },
      { name: "envoy.filters.http.router", typed_config: { "@type": `${TYPES}.filters.http.router.v3.Router` } },
    ],
  };
  return {
    address: socketAddress(port),
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
}

function clusters({ issuer, backendPort }: JwtProxyPlan): readonly object[] {
  const cluster = (name: string, port: number): object => ({
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
  });
  const icemint = cluster("icemint", Number(new URL(issuer).port));
  return backendPort === undefined ? [icemint] : [icemint, cluster("catalog", backendPort)];
}

function socketAddress(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
