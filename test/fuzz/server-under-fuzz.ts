/** The built server under attack, and what must be true of it after every attack. */
import type { Socket } from "node:net";
import { existsSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { ServerProcess } from "../support/server-process.js";
import type { ByteScript } from "./byte-script.js";
import { play } from "./play.js";
import { GOOD_FORM } from "./rpc-bodies.js";

const CLIENT_ID = "spark-etl";
const CLIENT_SECRET = "a-secret-for-the-fuzzer-alone";
const USE_MS = 1500;
/** Beyond what the server took after some use. */
const MAX_GROWTH_MIB = 128;
/** For connections whose clients are gone to be gone from the server too, and for a token. */
const PATIENCE_MS = 10_000;
/** Connections of the questions that are asked here. */
const OWN_CONNECTIONS = 8;
/** No connection may stay longer without a good request: 65 s, or its age and a grace. */
const LONGEST_STAY_MS = 120_000;

export class ServerUnderFuzz implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #pid: number;
  readonly #idleMib: number;
  readonly #client: Client<typeof TokenService>;
  /** Since when each connection is left to the server to end. */
  readonly #left = new Map<Socket, number>();
  #ended: string | undefined;
  /** How many lines of the log were looked at. */
  #read = 0;

  private constructor(server: ServerProcess) {
    this.#server = server;
    this.#pid = server.pid;
    this.#client = createClient(TokenService, createGrpcTransport({ baseUrl: server.url }));
    this.#idleMib = residentMib(server.pid) ?? 0;
    void server.exited.then(({ code, signal }) => (this.#ended = `code ${code}, signal ${signal}`));
  }

  static async start(): Promise<ServerUnderFuzz> {
    const sha256 = createHash("sha256").update(CLIENT_SECRET).digest("hex");
    const settings = {
      issuer: "https://tokens.example.com",
      http: { max_connection_age: "20s" },
      limits: { failure_burst: 10_000 },
      clients: [{ id: CLIENT_ID, secrets: [{ sha256 }], permissions: ["watch_revocations"] }],
    };
    const server = await ServerProcess.start({ settings });
    await use(server.url);
    return new ServerUnderFuzz(server);
  }

  get port(): number {
    return Number(new URL(this.#server.url).port);
  }

  /** Plays scripts side by side. */
  async attack(scripts: readonly ByteScript[]): Promise<void> {
    await Promise.all(scripts.map(async (script) => (await play(this.port, script)).destroy()));
  }

  /** Plays a script whose connection it leaves to the server to end. */
  async leave(script: ByteScript): Promise<void> {
    const socket = await play(this.port, script);
    if (socket.closed) return;
    this.#left.set(socket, Date.now());
    socket.once("close", () => this.#left.delete(socket));
  }

  /** Everything that is wrong with the server. It is well if there is nothing. */
  async faults(): Promise<readonly string[]> {
    await Promise.race([this.#server.exited, sleep(0)]);
    if (this.#ended !== undefined) return [`the process ended: ${this.#ended}\n${this.#server.stderr.slice(-2000)}`];
    const questions = [() => this.#live(), () => this.#formToken(), () => this.#grpcToken(), () => this.#connections()];
    const asked = await Promise.all(questions.map(answered));
    const pid = this.#server.pid === this.#pid ? [] : ["another process"];
    const answers = asked.filter((fault) => fault !== undefined);
    return [...answers, ...pid, ...this.#logged(), ...this.#memory(), ...this.#stayed()];
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#left.keys()) socket.destroy();
    return this.#server[Symbol.asyncDispose]();
  }

  async #live(): Promise<string | undefined> {
    const { status } = await fetch(`${this.#server.adminUrl}/livez`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return status === 200 ? undefined : `/livez answers ${status}`;
  }

  async #formToken(): Promise<string | undefined> {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`${this.#server.url}/v1/oauth/tokens`, {
      method: "POST",
      body: GOOD_FORM,
      headers,
      signal,
    });
    const text = await response.text();
    return text.includes('"access_token"') ? undefined : `the form endpoint answers ${response.status} ${text}`;
  }

  async #grpcToken(): Promise<string | undefined> {
    const grant = { case: "clientCredentials", value: {} } as const;
    const asked = { grant, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
    const { accessToken } = await this.#client.getToken(asked, { timeoutMs: PATIENCE_MS });
    return accessToken === "" ? "gRPC answers without a token" : undefined;
  }

  /** The clients of an attack are gone: so must be their connections. */
  async #connections(): Promise<string | undefined> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const metrics = await (await fetch(`${this.#server.adminUrl}/metrics`)).text();
      const open = Number(/^icemint_connections(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1] ?? NaN);
      if (open <= OWN_CONNECTIONS + this.#left.size) return undefined;
      if (Date.now() > until || Number.isNaN(open)) return `${open} connections stay open`;
      await sleep(50);
    }
  }

  #logged(): string[] {
    const lines = this.#server.log();
    const fresh = lines.slice(this.#read);
    this.#read = lines.length;
    return fresh.filter(({ level }) => level === "error" || level === "fatal").map((line) => JSON.stringify(line));
  }

  #stayed(): string[] {
    const since = Date.now() - LONGEST_STAY_MS;
    return [...this.#left.values()].some((from) => from < since) ? ["a connection was never ended"] : [];
  }

  #memory(): string[] {
    const grown = (residentMib(this.#pid) ?? this.#idleMib) - this.#idleMib;
    return grown > MAX_GROWTH_MIB ? [`${Math.round(grown)} MiB more than when idle`] : [];
  }
}

/** A busy machine makes the server late, and a late server refuses: that passes, and a fault does not. */
async function answered(question: () => Promise<string | undefined>): Promise<string | undefined> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const fault = await question().catch((error: unknown) => String(error));
    if (fault === undefined || !fault.includes("overloaded") || Date.now() > until) return fault;
    await sleep(100);
  }
}

/** Asks for tokens for a while: what is compiled and cached by use is no growth. */
async function use(url: string): Promise<void> {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const until = Date.now() + USE_MS;
  while (Date.now() < until) {
    await (await fetch(`${url}/v1/oauth/tokens`, { method: "POST", body: GOOD_FORM, headers })).text();
  }
}

/** Undefined where the system does not tell. */
function residentMib(pid: number): number | undefined {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return undefined;
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(status, "utf8"))?.[1] ?? NaN) / 1024;
}
