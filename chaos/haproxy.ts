import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BalancerPlan } from "./balancer.js";

/**
 * `grpc.health.v1.Health/Check` as raw HTTP/2: an `http-check` body cannot hold the NUL bytes of a gRPC frame. The
 * preface with SETTINGS, HEADERS, and DATA with an empty request; the answer wanted is 00 00000002 08 01, SERVING.
 */
const HEALTH_CHECK = [
  "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000000040000000000",
  "0000490104000000018386041c2f677270632e6865616c74682e76312e4865616c74682f436865636b01076963656d696e740f10106170706c69636174696f6e2f677270630002746508747261696c657273",
  "0000050001000000010000000000",
];
const SERVING = "00000000020801";

/**
 * Writes the configuration and returns its path. Only connections that failed are retried: whatever reached a replica may
 * have been done. An answer that takes two seconds is of no use to a client that gives up after three.
 */
export function writeHaproxyConfig({ folder, httpPort, grpcPort, targets }: BalancerPlan): string {
  const http = targets.map(({ name, port, adminPort }) => `server ${name} 127.0.0.1:${port} check port ${adminPort}`);
  const grpc = targets.map(({ name, port }) => `server ${name} 127.0.0.1:${port} check check-proto none proto h2`);
  const file = join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `
global
  maxconn 4096
defaults
  mode http
  timeout connect 500ms
  timeout client 60s
  timeout server 2s
  timeout http-request 5s
  timeout check 500ms
  option redispatch 1
  retries 3
  retry-on conn-failure
  default-server inter 500ms fastinter 200ms fall 2 rise 1

frontend http_in
  bind 127.0.0.1:${httpPort}
  default_backend http_replicas
backend http_replicas
  balance leastconn
  option httpchk
  option forwardfor
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host icemint
  http-check expect status 200
  http-reuse safe
  ${http.join("\n  ")}

frontend grpc_in
  bind 127.0.0.1:${grpcPort} proto h2
  default_backend grpc_replicas
backend grpc_replicas
  balance roundrobin
  timeout server 1h
  option tcp-check
  tcp-check connect
  ${HEALTH_CHECK.map((bytes) => `tcp-check send-binary ${bytes}`).join("\n  ")}
  tcp-check expect binary ${SERVING}
  ${grpc.join("\n  ")}
`,
  );
  return file;
}
