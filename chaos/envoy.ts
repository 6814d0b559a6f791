import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { BalancerPlan } from "./balancer.js";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";
const ROUTER = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": `${EXTENSIONS}.filters.http.router.v3.Router` },
};

/**
 * Writes the configuration and returns its path. Envoy retries only what no replica has seen. By default it
 * sends to dead replicas, too, once half of them are dead; `healthy_panic_threshold` allows it here only if all seem dead.
 */
export function writeEnvoyConfig(plan: BalancerPlan): string {
  const file = join(plan.folder, "envoy.yaml");
  const config = {
    static_resources: {
      listeners: [listener("http", plan.httpPort, "2s"), listener("grpc", plan.grpcPort, "0s")],
      clusters: [cluster(plan, "http"), cluster(plan, "grpc")],
    },
  };
  writeFileSync(file, stringify(config));
  return file;
}

function listener(name: "http" | "grpc", port: number, timeout: string): object {
  const retryPolicy = { retry_on: "connect-failure,refused-stream,reset-before-request", num_retries: 3 };
  const route = { cluster: name, timeout, retry_policy: retryPolicy };
  const manager = {
    "@type": `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    codec_type: "AUTO",
    use_remote_address: true,
    route_config: { virtual_hosts: [{ name, domains: ["*"], routes: [{ match: { prefix: "/" }, route }] }] },
    http_filters: [ROUTER],
  };
  return {
    name,
    address: socketAddress(port),
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
}

function cluster({ targets }: BalancerPlan, name: "http" | "grpc"): object {
  const isGrpc = name === "grpc";
  const probe = isGrpc ? { grpc_health_check: {} } : { http_health_check: { path: "/readyz" } };
  const endpoints = targets.map(({ port, adminPort }) => ({
    endpoint: { address: socketAddress(port), ...(!isGrpc && { health_check_config: { port_value: adminPort } }) },
  }));
  const http2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    lb_policy: isGrpc ? "ROUND_ROBIN" : "LEAST_REQUEST",
    common_lb_config: { healthy_panic_threshold: { value: 1 } },
    ...(isGrpc && { typed_extension_protocol_options: http2 }),
    health_checks: [
      {
        timeout: "1s",
        interval: "0.5s",
        no_traffic_interval: "0.5s",
        unhealthy_threshold: 2,
        healthy_threshold: 1,
        ...probe,
      },
    ],
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
  };
}

function socketAddress(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
