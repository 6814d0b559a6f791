/** A contender: a server in a process of its own, and the CPU time that the operating system says it took. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** A running contender. Disposing ends the process. */
export interface ServerProcess extends AsyncDisposable {
  /** Base address, without a slash at the end. */
  readonly url: string;
  readonly pid: number;
  /** CPU time of all its threads, and of the processes that it started, so far, in milliseconds. */
  cpuMs(): number;
  /** Memory that it has resident, in bytes. */
  rssBytes(): number;
}

export interface ServerOptions {
  /** The Node that runs it; absent: the one that runs the bench. */
  readonly node?: string;
  /** Arguments of `node`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where stderr goes: a real file, as a log would. */
  readonly logFile: string;
  /** The port it was told to listen on; absent: it prints `listening PORT`. */
  readonly port?: number;
}

const START_TIMEOUT_MS = 60_000;

/** Starts a contender and waits until it listens. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { node = process.execPath, args, env = {}, logFile, port } = options;
  const log = openSync(logFile, "a");
  const child = spawn(node, args, {
    stdio: ["ignore", "pipe", log],
    env: { ...process.env, NODE_ENV: "production", ...env },
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${args.join(" ")}`);
  try {
    const at = await Promise.race([listeningPort(child, port), failure(child, args, logFile)]);
    return {
      url: `http://127.0.0.1:${at}`,
      pid,
      cpuMs: () => [pid, ...childrenOf(pid)].reduce((sum, one) => sum + cpuMsOf(one), 0),
      rssBytes: () => rssBytesOf(pid),
      [Symbol.asyncDispose]: () => stop(child),
    };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/** The port, from `listening PORT`; or the given one once anything at all answers there. */
async function listeningPort(child: ChildProcess, port: number | undefined): Promise<number> {
  if (child.stdout === null) throw new Error("no stdout");
  if (port !== undefined) {
    child.stdout.resume();
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`).catch(() => undefined);
      if (answer?.ok) return port;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  for await (const line of createInterface(child.stdout)) {
    const printed = /^listening (\d+)$/.exec(line)?.[1];
    if (printed !== undefined) return Number(printed);
  }
  throw new Error("it ended before it listened");
}

async function failure(child: ChildProcess, args: readonly string[], logFile: string): Promise<never> {
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  const ended = await Promise.race([
    once(child, "exit").then(() => "ended"),
    new Promise<string>((resolve) => timeout.addEventListener("abort", () => resolve("did not listen in time"))),
  ]);
  throw new Error(`${args.join(" ")} ${ended}; its log ends: ${readFileSync(logFile, "utf8").slice(-2000)}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

const TICKS_PER_SECOND = 100;

const SETTLE_TIMEOUT_MS = 90_000;
const LOOK_EVERY_MS = 1000;
const IDLE_CPU_MS = 150;

/** Resolves once a contender has nothing left to do of its own, such as looking at its settings once more. */
export async function settled(server: ServerProcess): Promise<void> {
  const until = Date.now() + SETTLE_TIMEOUT_MS;
  for (let before = server.cpuMs(); Date.now() < until;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const now = server.cpuMs();
    if (now - before < IDLE_CPU_MS) return;
    before = now;
  }
}

function childrenOf(pid: number): readonly number[] {
  if (process.platform === "linux") {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  }
  const processes = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  return processes.split("\n").flatMap((line) => {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    return parent === pid && child !== undefined ? [child] : [];
  });
}

function rssBytesOf(pid: number): number {
  if (process.platform === "linux") {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  }
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) * 1024;
}

/** User and system time of a process: from /proc on Linux, from `ps` elsewhere. */
export function cpuMsOf(pid: number): number {
  if (process.platform === "linux") {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  }
  return parsePsTime(execFileSync("ps", ["-o", "time=", "-p", String(pid)], { encoding: "utf8" }));
}

/** Reads `[[days-]hours:]minutes:seconds`, in milliseconds. */
export function parsePsTime(text: string): number {
  const [days, clock] = text.includes("-") ? text.trim().split("-") : ["0", text.trim()];
  const seconds = (clock ?? "").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * 86_400 + seconds) * 1000;
}
