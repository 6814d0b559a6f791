/** The built `icemint edge` as a child process, with a settings file in a folder of its own. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { stringify } from "yaml";
import { cleanEnvironment, MAIN } from "../../support/server-process.js";

const START_WITHIN_MS = 15_000;

export interface EdgeOptions {
  /** Of the client whose secret the edge has. */
  readonly clientId: string;
  readonly secret: string;
  /** All but `credential` and `admin`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export class EdgeProcess implements AsyncDisposable {
  readonly #folder: string;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = "";
  #stderr = "";

  private constructor({ clientId, secret, settings }: EdgeOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), "icemint-edge-"));
    const file = (name: string): string => join(this.#folder, name);
    writeFileSync(file("secret"), secret, { mode: 0o600 });
    const credential = { client_id: clientId, secret_file: file("secret") };
    writeFileSync(file("edge.yaml"), stringify({ ...settings, credential, admin: "127.0.0.1:0" }));
    this.#child = spawn(process.execPath, [MAIN, "edge", "--config", file("edge.yaml")], {
      stdio: ["ignore", "pipe", "pipe"],
      env: cleanEnvironment(),
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
  }

  /** Resolves once it listens, whether its server is there or not. */
  static async start(options: EdgeOptions): Promise<EdgeProcess> {
    const edge = new EdgeProcess(options);
    try {
      const signal = AbortSignal.timeout(START_WITHIN_MS);
      const ended = once(edge.#child, "close").then(() =>
        Promise.reject(new Error(`the edge ended:\n${edge.#stderr}`)),
      );
      ended.catch(() => {}); // as disposing wants it, later
      while (!edge.#stdout.endsWith("\n\n")) await Promise.race([once(edge.#child.stdout, "data", { signal }), ended]);
      return edge;
    } catch (error) {
      await edge[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where it listens: `admin`, `outbound`, `ext_authz` or `forward_auth`, as its start text says. */
  portOf(name: string): number {
    const [, port] = new RegExp(`^  ${name} +.*:(\\d+)$`, "m").exec(this.#stdout) ?? [];
    if (port === undefined) throw new Error(`no ${name} in:\n${this.#stdout}`);
    return Number(port);
  }

  get stderr(): string {
    return this.#stderr;
  }

  async page(path: "/readyz" | "/metrics"): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.portOf("admin")}${path}`)).text();
  }

  /** The sum of a metric's series. Infinity if there is none. */
  async metric(name: string): Promise<number> {
    const lines = (await this.page("/metrics")).split("\n").filter((line) => new RegExp(`^${name}[{ ]`).test(line));
    return lines.length === 0 ? Infinity : lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, "close");
      this.#child.kill("SIGKILL");
      await closed;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
