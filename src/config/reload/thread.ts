/** The thread of `read-in-thread.ts`: reads the settings, answers, and ends. */
import { parentPort, workerData } from "node:worker_threads";
import { localDisk } from "../reading/disk.js";
import { packConfig } from "./packed-config.js";
import { ConfigProblems } from "../reading/problem.js";
import { readConfig } from "../read.js";
import type { ThreadAnswer, ThreadSources } from "./read-in-thread.js";

function read(sources: ThreadSources): ThreadAnswer {
  try {
    const config = readConfig({ ...sources, disk: localDisk, clock: () => Date.now() });
    return { packed: packConfig(config) };
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    const { problems, warnings, files } = error;
    return { refused: { problems, warnings, files } };
  }
}

const sources: ThreadSources = workerData;
const answer = read(sources);
const parts = answer.packed === undefined ? [] : [answer.packed.settings, ...answer.packed.clients];
parentPort?.postMessage(
  answer,
  parts.map(({ buffer }) => buffer),
);
