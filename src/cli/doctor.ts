/** `icemint doctor URL`: says what real Iceberg clients would suffer at a token endpoint. Needs nothing else of icemint. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { clean } from "../doctor/clean.js";
import { type Credential, isLoopback, isSafeTarget, parseCredential } from "../doctor/credential.js";
import { diagnose } from "../doctor/diagnose.js";
import { loadKit } from "../doctor/kit.js";
import { listen } from "../doctor/listen.js";
import { reportText } from "../doctor/report-text.js";
import type { CommandContext } from "./command.js";

export const USAGE = `usage: icemint doctor URL [options]
       icemint doctor --listen HOST:PORT

Sends what real Iceberg clients send to the token endpoint at URL, and says which of them would suffer. URL is whole, such
as https://tokens.example.com/v1/oauth/tokens. At most 40 requests, one of them with a wrong secret.
The credential is ICEMINT_DOCTOR_CREDENTIAL (id:secret) or ICEMINT_DOCTOR_CREDENTIAL_FILE; otherwise you are asked for it.

  --catalog URL      also ask the catalog for /v1/config with the token, and explain a refusal
  --warehouse NAME   of that catalog
  --scope SCOPE      what your clients are configured to ask for (default: what each asks for by itself)
  --wait SECONDS     wait so long for a token's end, to try what clients do after it (default 5)
  --ca FILE          trust the authorities of this PEM file as well
  --insecure         send the credential without TLS to other hosts than this one, or listen beyond loopback
  --json             print the findings as JSON
  --listen HOST:PORT be the endpoint: tell what a client asks, and how it will behave

Exit code: 0 nothing found, 1 findings, 2 could not run.
`;

export type DoctorContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr" | "readSecret" | "onSignal">;

const TIMEOUT_MS = 10_000;
const LONGEST_WAIT_SECONDS = 7200;

class Unusable extends Error {}

/** Runs the command. Resolves with the exit code. */
export async function doctor(context: DoctorContext): Promise<number> {
  const { stdout, stderr } = context;
  const options = readArguments(context.args);
  if (options === undefined || (options.url === undefined) === (options.listen === undefined)) {
    stderr.write(USAGE);
    return 2;
  }
  try {
    if (options.listen !== undefined) return await runListener(options.listen, options.insecure, context);
    return await runDiagnosis(options, context);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const text = `icemint doctor: ${clean(error.message)}`;
    if (options.json) stdout.write(`${JSON.stringify({ findings: [], error: clean(error.message) }, undefined, 2)}\n`);
    stderr.write(`${text}\n`);
    return 2;
  }
}

type Options = NonNullable<ReturnType<typeof readArguments>>;

async function runDiagnosis(options: Options, context: DoctorContext): Promise<number> {
  const { insecure, json, scope, warehouse } = options;
  const url = readTarget(options.url ?? "", insecure);
  const catalog = options.catalog === undefined ? undefined : readTarget(options.catalog, insecure);
  const ca = options.ca === undefined ? undefined : readText(options.ca);
  const credential = await readCredential(context);
  const kit = loadKit();
  const report = await diagnose({
    kit,
    url,
    credential,
    scope,
    catalog,
    warehouse,
    ca,
    timeoutMs: TIMEOUT_MS,
    waitMs: options.wait * 1000,
    clock: () => Date.now(),
    sleep: async (ms) => {
      await sleep(ms);
    },
  });
  context.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report, kit));
  if (report.error !== undefined) return 2;
  return report.findings.length > 0 ? 1 : 0;
}

async function runListener(address: string, insecure: boolean, context: DoctorContext): Promise<number> {
  const { hostname, port } = readAddress(address);
  if (!insecure && !isLoopback(hostname)) {
    throw new Unusable("clients would send their secrets in the open: listen on 127.0.0.1, or say --insecure");
  }
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  context.onSignal("SIGINT", resolve);
  context.onSignal("SIGTERM", resolve);
  const say = (text: string): void => void context.stdout.write(text);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  await using listening = await listen({ kit: loadKit(), host, port: Number(port), say, clock: () => Date.now() });
  say(
    `Point a client's uri, or its oauth2-server-uri, at http://${hostname}:${listening.address.port}; Ctrl-C ends it.\n`,
  );
  await stopped;
  return 0;
}

function readAddress(address: string): { readonly hostname: string; readonly port: string } {
  const url = URL.parse(`http://${address}`);
  const [, port] = /:(\d+)$/.exec(address) ?? [];
  if (url === null || port === undefined) throw new Unusable("--listen needs an address such as 127.0.0.1:8190");
  return { hostname: url.hostname, port };
}

/** Where a credential or a token may go. */
function readTarget(text: string, insecure: boolean): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Unusable("not an http(s) URL");
  if (url.username !== "" || url.password !== "") throw new Unusable("the credential does not belong into the URL");
  if (!insecure && !isSafeTarget(url)) {
    throw new Unusable(`${url.origin} would get the credential in the open: use https, or say --insecure`);
  }
  return url;
}

async function readCredential({ env, readSecret }: DoctorContext): Promise<Credential> {
  const file = env["ICEMINT_DOCTOR_CREDENTIAL_FILE"];
  const text =
    env["ICEMINT_DOCTOR_CREDENTIAL"] ||
    (file ? readText(file) : await readSecret("Credential of a client (id:secret, not shown): "));
  const credential = text === undefined ? undefined : parseCredential(text);
  if (credential === undefined) throw new Unusable("needs ICEMINT_DOCTOR_CREDENTIAL, id:secret");
  return credential;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Unusable(`${path} cannot be read`, { cause });
  }
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        catalog: { type: "string" },
        warehouse: { type: "string" },
        scope: { type: "string" },
        wait: { type: "string", default: "5" },
        ca: { type: "string" },
        insecure: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        listen: { type: "string" },
      },
    });
    const wait = Number(values.wait);
    if (positionals.length > 1 || !(wait >= 0 && wait <= LONGEST_WAIT_SECONDS)) return undefined;
    return { ...values, wait, url: positionals[0] };
  } catch {
    return undefined;
  }
}
