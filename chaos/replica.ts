/** A replica: the built server as a process of its own, on the same ports however often it is started. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../test/support/free-port.js";
import { SEALING_KEY } from "./settings.js";

export interface ReplicaOptions {
  readonly name: string;
  /** For settings and log. */
  readonly folder: string;
  readonly settings: string;
}

const BUILT = resolve("dist/main.js");
const START_WITHIN_MS = 20_000;
const END_WITHIN_MS = 15_000;

/** One replica. Disposing kills it. */
export class Replica implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  readonly #config: string;
  readonly #log: string;
  #child: ChildProcess | undefined;

  private constructor(options: ReplicaOptions, port: number, adminPort: number) {
    this.name = options.name;
    this.port = port;
    this.adminPort = adminPort;
    this.#config = join(options.folder, `${options.name}.yaml`);
    this.#log = join(options.folder, `${options.name}.log`);
    writeFileSync(this.#config, options.settings);
  }

  /** Takes two ports; `start` starts it. */
  static async prepare(options: ReplicaOptions): Promise<Replica> {
    return new Replica(options, await freePort(), await freePort());
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Of the process that was started last. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts a version's `main.js`, by default the one that was built here. Resolves once it is ready. */
  async start(program = BUILT): Promise<void> {
    const log = openSync(this.#log, "a");
    const child = spawn(process.execPath, [program, "serve", "--config", this.#config], {
      stdio: ["ignore", "ignore", log],
      env: {
        PATH: process.env["PATH"],
        ICEMINT_LISTEN: `127.0.0.1:${this.port}`,
        ICEMINT_ADMIN_LISTEN: `127.0.0.1:${this.adminPort}`,
        ICEMINT_SEALING_KEY: SEALING_KEY,
      },
    });
    closeSync(log);
    this.#child = child;
    for (const until = Date.now() + START_WITHIN_MS; !(await this.isReady()); await sleep(50)) {
      if (child.exitCode !== null || Date.now() > until) {
        throw new Error(`${this.name} did not start; its log ends: ${readFileSync(this.#log, "utf8").slice(-2000)}`);
      }
    }
  }

  /** What a balancer's health check sees. */
  async isReady(): Promise<boolean> {
    const signal = AbortSignal.timeout(1000);
    const answer = await fetch(`http://127.0.0.1:${this.adminPort}/readyz`, { signal }).catch(() => undefined);
    return answer?.status === 200;
  }

  /** As Kubernetes ends a pod. Resolves with the exit code when it has ended; null if it had to be killed. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return null;
    const late = setTimeout(() => child.kill("SIGKILL"), END_WITHIN_MS);
    child.kill("SIGTERM");
    await once(child, "exit");
    clearTimeout(late);
    return child.exitCode;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
