/** `icemint check-config FILE`: says everything that is wrong with the settings, before a server would. */
import { parseArgs } from "node:util";
import type { Config } from "../config/config.js";
import type { ConfigDisk } from "../config/reading/disk.js";
import { ConfigProblems, spellProblem } from "../config/reading/problem.js";
import { readConfig } from "../config/read.js";
import type { Clock } from "../time/clock.js";

export const USAGE = `usage: icemint check-config [--without-secrets] [FILE]
  FILE               the settings file (default: ICEMINT_CONFIG)
  --without-secrets  only warn of variables and files that are not there, for a check far from the deployment
`;

export interface CheckConfigContext {
  /** The arguments after `check-config`. */
  readonly args: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly disk: ConfigDisk;
  readonly clock: Clock;
}

/** Prints problems and warnings, or a summary. Returns the exit code: 0, 1 for problems, 2 for wrong arguments. */
export function checkConfig({ args, stdout, stderr, env, disk, clock }: CheckConfigContext): number {
  const options = readArguments(args);
  const file = options?.file ?? env["ICEMINT_CONFIG"] ?? "";
  if (options === undefined || (file === "" && !env["ICEMINT_CONFIG_FILE"])) {
    stderr.write(USAGE);
    return 2;
  }
  try {
    const { withoutSecrets } = options;
    const config = readConfig({ file: options.file, env, disk, clock, withoutSecrets });
    stdout.write(warningLines(config.warnings) + summary(config));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    const { problems, warnings } = error;
    const lines = problems.map((problem) => `${spellProblem(problem)}\n`).join("");
    stdout.write(`${lines}${warningLines(warnings)}${count(problems.length, "problem")}\n`);
    return 1;
  }
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { "without-secrets": { type: "boolean", default: false } },
    });
    if (positionals.length > 1) return undefined;
    return { file: positionals[0], withoutSecrets: values["without-secrets"] };
  } catch {
    return undefined;
  }
}

function warningLines(warnings: readonly string[]): string {
  return warnings.map((warning) => `warning: ${warning}\n`).join("");
}

/** A summary: a reader sees at once whether a file was forgotten. */
function summary({ issuer, redis, clients, workloads, trustedIssuers }: Config): string {
  const disabled = clients.filter((client) => client.disabled).length;
  const state = redis === undefined ? "memory" : `redis (${redis.topology.kind})`;
  const off = disabled === 0 ? "" : ` (${disabled} disabled)`;
  const rules = workloads.length === 0 ? "" : `, ${count(workloads.length, "workload rule")}`;
  return (
    `good: issuer ${issuer}, state ${state}, ` +
    `${count(clients.length, "client")}${off}${rules}, ${count(trustedIssuers.length, "trusted issuer")}\n`
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
