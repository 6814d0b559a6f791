/** The variables that override the settings file, each also as `..._FILE`, which names a file that holds the value. */
import { resolve } from "node:path";
import { closest } from "./reading/closest.js";
import { type ConfigDisk, spellReadError } from "./reading/disk.js";
import { withoutLineEnd } from "./reading/setting-files.js";
import type { Findings, Source, Spot } from "./reading/problem.js";

export const VARIABLES = [
  "ICEMINT_CONFIG",
  "ICEMINT_LISTEN",
  "ICEMINT_ADMIN_LISTEN",
  "ICEMINT_ISSUER",
  "ICEMINT_REDIS_URL",
  "ICEMINT_SEALING_KEY",
  "ICEMINT_LOG_LEVEL",
] as const;
export type Variable = (typeof VARIABLES)[number];

/** The values found; unset and empty variables are absent. */
export type Variables = { readonly [Name in Variable]?: string } & {
  /** The absolute path of the file that the URL came from: its password is read for each connection. */
  readonly ICEMINT_REDIS_URL_FILE?: string;
};

/** Where problems of variables are. */
const ENVIRONMENT: Source = { file: "environment", lineOf: () => undefined };

/** The place of a variable, or of the `_FILE` that its value came from. */
export function variableSpot(name: string): Spot {
  return { source: ENVIRONMENT, path: [name] };
}

/** Kubernetes gives these to every pod beside a Service named icemint. */
const SERVICE_LINK =
  /^ICEMINT_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$/;
/** For the operator's tools (`icemint token` and others), and for the project's own tests. */
const NOT_FOR_THE_SERVER = /^ICEMINT_((SERVER|CLIENT_ID|CLIENT_SECRET)(_FILE)?$|TEST_)/;

/** Reads the variables and reports problems. A relative path starts from the working folder. */
export function readEnv({
  env,
  disk,
  findings,
}: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly disk: ConfigDisk;
  readonly findings: Findings;
}): Variables {
  const found: { [Name in Variable]?: string } & { ICEMINT_REDIS_URL_FILE?: string } = {};
  for (const name of VARIABLES) {
    const value = env[name];
    const file = env[`${name}_FILE`];
    const spot = variableSpot(name);
    if (value && file) {
      findings.problem(spot, `and ${name}_FILE are both set: unset one of them`);
    }
    if (value) found[name] = value;
    else if (file) {
      const path = resolve(file);
      findings.dependsOn(path);
      try {
        found[name] = withoutLineEnd(disk.read(path));
        if (name === "ICEMINT_REDIS_URL") found.ICEMINT_REDIS_URL_FILE = path;
      } catch (error) {
        findings.problem(variableSpot(`${name}_FILE`), `cannot be read: ${spellReadError(error)}`);
      }
    }
  }
  return found;
}

/**
 * Judges names that begin with ICEMINT_ and are no setting. One that looks mistyped is a problem. Any other is a
 * warning, since it has no effect. `inUse` are the variables that clients' secrets name.
 */
export function checkVariableNames(names: Iterable<string>, inUse: ReadonlySet<string>, findings: Findings): void {
  const known = VARIABLES.flatMap((name) => [name, `${name}_FILE`]);
  for (const name of names) {
    if (!name.startsWith("ICEMINT_") || known.includes(name) || inUse.has(name)) continue;
    if (SERVICE_LINK.test(name) || NOT_FOR_THE_SERVER.test(name)) continue;
    const meant = closest(
      name.slice("ICEMINT_".length),
      known.map((word) => word.slice("ICEMINT_".length)),
    );
    if (meant === undefined) findings.warning(variableSpot(name), "is no setting and has no effect");
    else findings.problem(variableSpot(name), `is no setting; did you mean ICEMINT_${meant}?`);
  }
}
