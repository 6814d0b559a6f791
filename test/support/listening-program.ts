/** A foreign program that listens, in a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accepting } from "./free-port.js";
import type { Tool } from "./tool.js";

/** Starts it and waits for its ports. What it returns ends it. Rejects with what it said if it ends by itself. */
export async function startListening(
  program: Tool,
  args: readonly string[],
  ports: readonly number[],
): Promise<() => Promise<void>> {
  const child = spawn(program.path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const exited = once(child, "close");
  const ended = exited.then(([code]) => Promise.reject(new Error(`${program.path} ended with ${code}:\n${said}`)));
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await Promise.race([Promise.all(ports.map((port) => accepting(port, 15_000))), ended]);
  } catch (error) {
    await end();
    throw error;
  }
  ended.catch(() => {}); // as `end` wants it, later
  return end;
}
