/** The built edge (`dist/main.js edge`) as a child process, as a user runs it. Ended by process id. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { stringify } from "yaml";
import { cleanEnvironment, MAIN, type Exit } from "./server-process.js";

export interface EdgeOptions {
  /** The settings. `FOLDER` in them is the edge's own folder. */
  readonly settings: object;
  /** Files of that folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

const START_WITHIN_MS = 15_000;

export class EdgeProcess implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "icemint-edge-"));
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = "";
  #stderr = "";

  private constructor({ settings, files = {} }: EdgeOptions) {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text);
    const file = join(this.folder, "edge.yaml");
    writeFileSync(file, stringify(settings).replaceAll("FOLDER", this.folder));
    this.#child = spawn(process.execPath, [MAIN, "edge", "--config", file], {
      stdio: ["ignore", "pipe", "pipe"],
      env: cleanEnvironment(),
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.exited = new Promise((done) => {
      this.#child.once("close", (code: number | null, signal: NodeJS.Signals | null) => done({ code, signal }));
    });
  }

  /** Resolves once the start text is printed. Rejects with what it said if it ends instead. */
  static async start(options: EdgeOptions): Promise<EdgeProcess> {
    const edge = new EdgeProcess(options);
    try {
      await edge.#started();
      return edge;
    } catch (error) {
      await edge[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where it listens, by the name of the start text. */
  address(name: "admin" | "outbound"): string {
    const [, address = ""] = new RegExp(`^ +${name} +(\\S+)$`, "m").exec(this.#stdout) ?? [];
    return address;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the edge was not started");
    return this.#child.pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.#child.kill(signal);
    return await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #started(): Promise<void> {
    const signal = AbortSignal.timeout(START_WITHIN_MS);
    const ended = this.exited.then(({ code }) => {
      throw new Error(`icemint edge ended with ${code} instead of starting:\n${this.#stderr}`);
    });
    while (!this.#stdout.endsWith("\n\n")) await Promise.race([once(this.#child.stdout, "data", { signal }), ended]);
  }
}
