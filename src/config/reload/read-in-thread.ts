/**
 * Reads settings on a thread of its own. YAML of many clients takes seconds and a gigabyte to parse. Meanwhile the
 * server answers requests, and the thread's memory is freed with it.
 */
import { Worker } from "node:worker_threads";
import type { Config } from "../config.js";
import { type PackedConfig, unpackConfig } from "./packed-config.js";
import { ConfigProblems } from "../reading/problem.js";
import type { ConfigSources } from "../read.js";

/** The thread reads these from this machine's disk. */
export type ThreadSources = Pick<ConfigSources, "file" | "env" | "running">;

export type ThreadAnswer =
  | { readonly packed: PackedConfig; readonly refused?: never }
  | {
      readonly packed?: never;
      readonly refused: Pick<ConfigProblems, "problems" | "warnings" | "files">;
    };

/**
 * Reads the settings; the result is frozen. Rejects with `ConfigProblems`, which lists every problem, or with the thread's
 * own failure, such as a file that is too large for the memory.
 */
export async function readInThread({ file, env, running }: ThreadSources): Promise<Config> {
  const { packed, refused } = await answerOf({
    file,
    env: { ...env },
    ...(running && { running: { issuer: running.issuer, tokens: running.tokens } }),
  });
  if (refused) throw new ConfigProblems(refused.problems, refused.warnings, refused.files);
  return unpackConfig(packed);
}

/** A thread that runs out of memory ends alone. The message is for the author of the settings. */
function inWords(error: Error): Error {
  if (!("code" in error) || error.code !== "ERR_WORKER_OUT_OF_MEMORY") return error;
  return new Error(
    "the settings need more memory than Node may use: allow more (NODE_OPTIONS=--max-old-space-size=MEGABYTES, some 20 " +
      "for each thousand clients), or give several deployments some of the clients each",
  );
}

function answerOf(workerData: ThreadSources): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL("thread.js", import.meta.url), { workerData });
    thread.once("message", resolve).on("error", (error) => reject(inWords(error)));
    thread.once("exit", () => reject(new Error("the thread that reads the settings ended without an answer")));
  });
}
