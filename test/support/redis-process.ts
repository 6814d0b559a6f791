/** A Redis (or Valkey) of a test's own, to freeze, kill, empty and bring back. Ended by process id, never by name. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { accepting, freePort } from "./free-port.js";
import { redisProgram } from "./redis-server.js";
import { type RedisTls, tlsClient, tlsConfig } from "./redis-tls.js";

const QUIET = ["save", "", "appendonly", "no", "repl-diskless-sync-delay", "0", "protected-mode", "no"];

export interface RedisProcessOptions {
  readonly program?: string;
  /** Whether it runs as a Sentinel: the same program, which not every package also installs under that name. */
  readonly isSentinel?: boolean;
  /** Appended to the configuration: name, value, name, value. */
  readonly config?: readonly string[];
  readonly port?: number;
  /** Nothing but TLS then, to clients, replicas and other nodes. */
  readonly tls?: RedisTls | undefined;
}

export class RedisProcess implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly #command: readonly [string, ...string[]];
  readonly #tls: RedisTls | undefined;
  #child: ChildProcess | undefined;

  private constructor(port: number, { program = redisProgram(), isSentinel, config = [], tls }: RedisProcessOptions) {
    this.port = port;
    this.#tls = tls;
    this.directory = mkdtempSync(join(tmpdir(), "icemint-redis-"));
    const configFile = join(this.directory, "redis.conf");
    this.#command = [program, configFile, ...(isSentinel ? ["--sentinel"] : ["--daemonize", "no"])];
    const ports = tls
      ? ["port", "0", ...tlsConfig(tls, port), "tls-replication", "yes", "tls-cluster", "yes"]
      : ["port", String(port)];
    const settings = [...ports, "bind", "127.0.0.1", "dir", this.directory, ...QUIET, ...config];
    const lines = [];
    for (let at = 0; at < settings.length; at += 2) lines.push(`${settings[at]} ${settings[at + 1] || '""'}`);
    writeFileSync(configFile, `${lines.join("\n")}\n`);
  }

  static async start(options: RedisProcessOptions = {}): Promise<RedisProcess> {
    const server = new RedisProcess(options.port ?? (await freePort()), options);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A plain connection, for looking behind the ports. */
  connect(): Redis {
    const tls = this.#tls && { tls: tlsClient(this.#tls) };
    return new Redis(this.port, "127.0.0.1", { protocol: 2, maxRetriesPerRequest: 1, ...tls });
  }

  /** Starts the process again, with whatever is on its disk. */
  async restart(): Promise<void> {
    const [program, ...args] = this.#command;
    this.#child = spawn(program, args, { stdio: "ignore" });
    await accepting(this.port);
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
