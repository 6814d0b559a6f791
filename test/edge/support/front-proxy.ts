/** The proxies of `examples/edge`, run from the very files that users copy, with other ports. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/free-port.js";
import { startListening } from "../../support/listening-program.js";
import { projectRoot, type Tool, tool } from "../../support/tool.js";

export interface FrontPlan {
  readonly upstreamPort: number;
  readonly extAuthzPort: number;
  readonly forwardAuthPort: number;
  /** Changes the example, once its ports are in it. */
  readonly edit?: (text: string) => string;
}

export interface FrontProxy extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

export interface FrontProxyKind {
  readonly name: "envoy" | "nginx" | "haproxy" | "caddy";
  readonly program: Tool;
  start(plan: FrontPlan): Promise<FrontProxy>;
}

const EXAMPLES = join(projectRoot, "examples/edge");

/** All of them, there or not. */
export const FRONT_PROXIES: readonly FrontProxyKind[] = [
  kind("envoy", undefined, ["envoy.yaml"], (folder) => [
    "-c",
    join(folder, "envoy.yaml"),
    "--concurrency",
    "1",
    "--use-dynamic-base-id", // or it would share memory with another Envoy of this machine
  ]),
  kind("nginx", "apt-get install -y nginx", ["nginx.conf"], (folder) => [
    "-e",
    "stderr",
    "-p",
    folder,
    "-c",
    join(folder, "nginx.conf"),
    "-g",
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;`,
  ]),
  kind("haproxy", "apt-get install -y haproxy", ["haproxy.cfg", "icemint.lua"], (folder) => [
    "-db",
    "-q",
    "-C",
    folder,
    "-f",
    join(folder, "haproxy.cfg"),
  ]),
  kind("caddy", undefined, ["Caddyfile"], (folder) => ["run", "--config", join(folder, "Caddyfile")]),
];

function kind(
  name: FrontProxyKind["name"],
  how: string | undefined,
  files: readonly string[],
  args: (folder: string) => readonly string[],
): FrontProxyKind {
  const program = tool(name, how);
  return {
    name,
    program,
    async start(plan) {
      const folder = mkdtempSync(join(tmpdir(), `icemint-front-${name}-`));
      const port = await freePort();
      for (const file of files) writeFileSync(join(folder, file), prepared(file, folder, port, plan));
      const end = await startListening(program, args(folder), [port]);
      return {
        port,
        url: `http://127.0.0.1:${port}`,
        async [Symbol.asyncDispose]() {
          await end();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

function prepared(file: string, folder: string, port: number, plan: FrontPlan): string {
  const { upstreamPort, extAuthzPort, forwardAuthPort, edit = (text) => text } = plan;
  const ports = new Map([
    ["8080", port],
    ["9000", upstreamPort],
    ["8191", extAuthzPort],
    ["8192", forwardAuthPort],
  ]);
  const text = readFileSync(join(EXAMPLES, file), "utf8").replaceAll(
    /\b(8080|9000|8191|8192)\b/g,
    (example) => `${ports.get(example)}`,
  );
  return edit(file === "nginx.conf" ? withTemporaryFolders(text, folder) : text);
}

/** nginx as shipped writes to folders of its own user. */
function withTemporaryFolders(text: string, folder: string): string {
  const lines = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder};`);
  return text.replace("http {", `http {\n  access_log off;\n  ${lines.join("\n  ")}`);
}
