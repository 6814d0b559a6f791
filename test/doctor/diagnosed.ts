/** Runs the doctor against a stub, with nothing to wait for. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Diagnosis, diagnose } from "../../src/doctor/diagnose.js";
import { loadKit } from "../../src/doctor/kit.js";
import type { Report } from "../../src/doctor/report.js";
import { STUB_CREDENTIAL } from "./stub-endpoint.js";

export function diagnosed(url: URL, more: Partial<Diagnosis> = {}): Promise<Report> {
  return diagnose({
    kit: loadKit(),
    url,
    credential: STUB_CREDENTIAL,
    timeoutMs: 5000,
    waitMs: 0,
    clock: () => Date.now(),
    sleep: async (ms) => {
      await sleep(Math.min(ms, 10));
    },
    ...more,
  });
}

/** The names of what was found, notes included. */
export function found({ findings, notes }: Report): readonly string[] {
  return [...findings, ...notes].map(({ id }) => id);
}
