/** A balancer before the replicas: one port for HTTP/1.1, one for gRPC, with health checks for both. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accepting, freePort } from "../test/support/free-port.js";
import { writeEnvoyConfig } from "./envoy.js";
import { writeHaproxyConfig } from "./haproxy.js";

export type BalancerKind = "haproxy" | "envoy";

/** A replica, as the balancer sees it. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
}

/** What a configuration is written from. */
export interface BalancerPlan {
  readonly folder: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly targets: readonly Target[];
}

export interface Balancer extends AsyncDisposable {
  readonly url: string;
  /** `host:port`. */
  readonly grpcAddress: string;
}

/** Starts one. Undefined if its program is not installed. */
export async function startBalancer(
  kind: BalancerKind,
  { folder, targets }: Pick<BalancerPlan, "folder" | "targets">,
): Promise<Balancer | undefined> {
  const plan = { folder, targets, httpPort: await freePort(), grpcPort: await freePort() };
  const [program, args] =
    kind === "haproxy"
      ? (["haproxy", ["-db", "-q", "-f", writeHaproxyConfig(plan)]] as const)
      : (["envoy", ["-c", writeEnvoyConfig(plan), "--concurrency", "1", "--log-level", "error"]] as const);
  const child = spawn(program, args, { stdio: "ignore" });
  const missing = once(child, "error").then(() => true);
  const isMissing = await Promise.race([missing, accepting(plan.grpcPort, 15_000).then(() => false)]);
  if (isMissing) return undefined;
  return {
    url: `http://127.0.0.1:${plan.httpPort}`,
    grpcAddress: `127.0.0.1:${plan.grpcPort}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM"); // a launcher passes this on
      const late = setTimeout(() => child.kill("SIGKILL"), 5000);
      await exited;
      clearTimeout(late);
    },
  };
}
