/** A command as a user types it into a shell, in the checkout. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { cleanEnvironment } from "../support/server-process.js";

const CHECKOUT = resolve(import.meta.dirname, "../..");

/** What a command said, and how it ended. */
export interface Typed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it with `sh` in the checkout, and waits for its end: a minute at most. */
export async function type(command: string, env: Readonly<Record<string, string>> = {}): Promise<Typed> {
  const child = spawn("sh", ["-c", command], {
    cwd: CHECKOUT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...cleanEnvironment({ npm_config_engine_strict: "false", npm_config_loglevel: "error", ...env }) },
    timeout: 60_000,
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** The machine's PATH: without what npm put in front of it. */
export function machinePath(): string {
  const ours = join(CHECKOUT, "node_modules");
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !folder.startsWith(ours) && !folder.includes("node_modules"))
    .join(delimiter);
}
