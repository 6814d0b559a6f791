/** HAProxy, nginx and Envoy before a server, each as its manual says: HTTP/1.1 on one port, gRPC on another. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { MAX_CONCURRENT_STREAMS } from "../../../src/transport/limits.js";
import { freePort } from "../../support/free-port.js";
import { startListening } from "../../support/listening-program.js";
import { type Tool, tool } from "../../support/tool.js";

export interface ProxyPlan {
  /** Of the server. */
  readonly backendPort: number;
  /** Of the proxy, for HTTP/1.1. Absent: a free one. */
  readonly port?: number;
  /** `/tokens`: cut from paths that begin with it. Absent: every path goes on as it came. */
  readonly stripped?: string;
}

interface Ports extends ProxyPlan {
  readonly folder: string;
  readonly port: number;
  readonly grpcPort: number;
}

export interface Proxy extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly grpcUrl: string;
}

export interface ProxyKind {
  readonly name: "haproxy" | "nginx" | "envoy";
  readonly program: Tool;
  start(plan: ProxyPlan): Promise<Proxy>;
}

/** All of them, there or not. */
export const PROXIES: readonly ProxyKind[] = [
  kind("haproxy", "apt-get install -y haproxy", writeHaproxy),
  kind("nginx", "apt-get install -y nginx", writeNginx),
  kind("envoy", undefined, writeEnvoy),
];

function kind(name: ProxyKind["name"], how: string | undefined, write: (ports: Ports) => readonly string[]): ProxyKind {
  const program = tool(name, how);
  return {
    name,
    program,
    async start(plan) {
      const folder = mkdtempSync(join(tmpdir(), `icemint-${name}-`));
      const port = plan.port ?? (await freePort());
      const grpcPort = await freePort();
      const end = await startListening(program, write({ ...plan, folder, port, grpcPort }), [port, grpcPort]);
      return {
        port,
        url: `http://127.0.0.1:${port}`,
        grpcUrl: `http://127.0.0.1:${grpcPort}`,
        async [Symbol.asyncDispose]() {
          await end();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

/** Its buffers hold a whole head, 16 KiB as shipped: less than the server takes. */
function writeHaproxy({ folder, backendPort, port, grpcPort, stripped }: Ports): readonly string[] {
  const file = join(folder, "haproxy.cfg");
  const strip = stripped === undefined ? "" : `http-request replace-path ^${stripped}/(.*) /\\1`;
  writeFileSync(
    file,
    `
global
  tune.bufsize 65536
  tune.maxrewrite 4096
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  option forwardfor
frontend http_in
  bind 127.0.0.1:${port}
  ${strip}
  default_backend http_out
backend http_out
  server icemint 127.0.0.1:${backendPort}
frontend grpc_in
  bind 127.0.0.1:${grpcPort} proto h2
  default_backend grpc_out
backend grpc_out
  server icemint 127.0.0.1:${backendPort} proto h2
`,
  );
  return ["-db", "-q", "-f", file];
}

/**
 * With keep-alive to the server, and with nginx's recipe for WebSocket, which many sites have for all paths: it hands every
 * wish for an upgrade on. One process, as the user who runs the tests.
 */
function writeNginx({ folder, backendPort, port, grpcPort, stripped }: Ports): readonly string[] {
  const file = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder};`);
  const forward = (slash: string) => `proxy_pass http://icemint${slash};`;
  writeFileSync(
    file,
    `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events {}
http {
  access_log off;
  ${temporary.join("\n  ")}
  large_client_header_buffers 8 64k;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream icemint { server 127.0.0.1:${backendPort}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    location / { ${forward("")} }
    ${stripped === undefined ? "" : `location ${stripped}/ { ${forward("/")} }`}
  }
  server {
    listen 127.0.0.1:${grpcPort} http2;
    location / {
      grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      grpc_pass grpc://127.0.0.1:${backendPort};
    }
  }
}
`,
  );
  return ["-e", "stderr", "-p", folder, "-c", file];
}

const TYPES = "type.googleapis.com/envoy.extensions";

function writeEnvoy({ folder, backendPort, port, grpcPort, stripped }: Ports): readonly string[] {
  const file = join(folder, "envoy.yaml");
  const strip = stripped !== undefined && {
    match: { prefix: `${stripped}/` },
    route: { cluster: "http", prefix_rewrite: "/" },
  };
  const all = (name: string) => ({ match: { prefix: "/" }, route: { cluster: name } });
  const listeners = [
    envoyListener("http", port, [...(strip ? [strip] : []), all("http")]),
    envoyListener("grpc", grpcPort, [all("grpc")]),
  ];
  // On a new connection it sends streams before it has read how many the server takes. More are refused.
  const http2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": `${TYPES}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: { max_concurrent_streams: MAX_CONCURRENT_STREAMS } },
    },
  };
  const cluster = (name: string) => ({
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(backendPort) } }] }],
    },
  });
  const clusters = [cluster("http"), { ...cluster("grpc"), typed_extension_protocol_options: http2 }];
  writeFileSync(file, stringify({ static_resources: { listeners, clusters } }));
  // Without a base id of its own, it would share memory with another Envoy of this machine.
  return ["-c", file, "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"];
}

function envoyListener(name: string, port: number, routes: readonly object[]): object {
  const manager = {
    "@type": `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    codec_type: "AUTO",
    use_remote_address: true,
    route_config: { virtual_hosts: [{ name, domains: ["*"], routes }] },
    http_filters: [
      { name: "envoy.filters.http.router", typed_config: { "@type": `${TYPES}.filters.http.router.v3.Router` } },
    ],
  };
  return {
    name,
    address: socketAddress(port),
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
}

function socketAddress(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
