/**
 * The built server (`dist/main.js`) as a child process on free ports, as a user runs it: settings in a YAML file of a
 * folder of its own, or none at all. Ended by process id. Needs `npm run build`, which `npm test` does first.
 */
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { stringify } from "yaml";
import { freePort } from "./free-port.js";

/** What `package.json` calls `icemint`. */
export const MAIN = resolve("dist/main.js");

const START_WITHIN_MS = 15_000;

export interface ServerOptions {
  /** The settings, as an object or as YAML; absent: none, so the server makes its demo client. Ports are given by environment. */
  readonly settings?: object | string;
  /** Further files of the server's folder, by name: what the settings name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Further variables; a later one of the same name wins over the ports given here. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `icemint serve`. */
  readonly args?: readonly string[];
}

/** What became of a process. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The environment of a child: this process's own without anything that sets up icemint. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("ICEMINT_"));
  return { ...Object.fromEntries(kept), ...more };
}

export class ServerProcess implements AsyncDisposable {
  /** `http://127.0.0.1:<port>` of the tokens, and of the admin port. */
  readonly url: string;
  readonly adminUrl: string;
  /** A folder of the server's own; its settings file is in it. */
  readonly folder: string;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = "";
  #stderr = "";

  private constructor(port: number, adminPort: number, options: ServerOptions) {
    this.url = `http://127.0.0.1:${port}`;
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
    this.folder = mkdtempSync(join(tmpdir(), "icemint-server-"));
    const { settings, files = {}, env = {}, args = [] } = options;
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text);
    if (settings !== undefined) this.writeSettings(settings);
    const config = settings === undefined ? [] : ["--config", this.settingsFile];
    this.#child = spawn(process.execPath, [MAIN, "serve", ...config, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: cleanEnvironment({
        ICEMINT_LISTEN: `127.0.0.1:${port}`,
        ICEMINT_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
        ...env,
      }),
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.exited = new Promise((done) => {
      this.#child.once("close", (code: number | null, signal: NodeJS.Signals | null) => done({ code, signal }));
    });
  }

  /** Resolves once the start text is printed, and so the ports are open. Rejects with what it said if it ends instead. */
  static async start(options: ServerOptions = {}): Promise<ServerProcess> {
    if (!existsSync(MAIN)) throw new Error("dist/main.js is missing: npm run build");
    const server = new ServerProcess(await freePort(), await freePort(), options);
    try {
      await server.#started();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get settingsFile(): string {
    return join(this.folder, "icemint.yaml");
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the server was not started");
    return this.#child.pid;
  }

  /** What it has printed so far: the start text. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What it has logged so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The log so far: one object for each line that is JSON. */
  log(): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.#stderr.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
    return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  /** Writes the settings file, whole: the server sees the old or the new one, never half of it. */
  writeSettings(settings: object | string): void {
    const text = typeof settings === "string" ? settings : stringify(settings);
    writeFileSync(`${this.settingsFile}.new`, text);
    renameSync(`${this.settingsFile}.new`, this.settingsFile);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Stops it by a signal and resolves when it has ended. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.signal(signal);
    return await this.exited;
  }

  /** Ends it at once and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #started(): Promise<void> {
    const signal = AbortSignal.timeout(START_WITHIN_MS);
    const ended = this.exited.then(({ code }) => {
      throw new Error(`icemint ended with ${code} instead of starting:\n${this.#stderr}`);
    });
    // The text is one write, and ends in an empty line.
    while (!this.#stdout.endsWith("\n\n")) await Promise.race([once(this.#child.stdout, "data", { signal }), ended]);
  }
}
