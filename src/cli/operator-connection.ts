/** How the operator's commands reach a server: where it is, and who asks. Secrets come from the environment alone. */
import { readFileSync } from "node:fs";
import { type CallOptions, Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { CommandContext } from "./command.js";

export interface OperatorConnection {
  readonly transport: Transport;
  /** Metadata that proves who asks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly close: () => void;
}

/** Opens a connection; a test passes its own. */
export type OpenTransport = (server: string) => { readonly transport: Transport; readonly close: () => void };

const DEFAULT_SERVER = "http://127.0.0.1:8181";

/**
 * Connects by gRPC. The server is `--server`, else ICEMINT_SERVER, else the default address on this machine; the
 * client's credentials are ICEMINT_CLIENT_ID and ICEMINT_CLIENT_SECRET or ICEMINT_CLIENT_SECRET_FILE. Throws an Error
 * that says which of them is missing.
 */
export function connectAsOperator(options: {
  readonly server: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly openTransport?: OpenTransport | undefined;
}): OperatorConnection {
  const { env, openTransport = openGrpc } = options;
  const clientId = env["ICEMINT_CLIENT_ID"];
  const secret = clientSecret(env);
  if (!clientId || !secret) {
    throw new Error("set ICEMINT_CLIENT_ID, and ICEMINT_CLIENT_SECRET or ICEMINT_CLIENT_SECRET_FILE");
  }
  const server = options.server ?? env["ICEMINT_SERVER"] ?? DEFAULT_SERVER;
  if (!/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw new Error(`the server's address must be a URL such as ${DEFAULT_SERVER}`);
  }
  const basic = Buffer.from(`${clientId}:${secret}`).toString("base64");
  return { ...openTransport(server), headers: { authorization: `Basic ${basic}` } };
}

function clientSecret(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const path = env["ICEMINT_CLIENT_SECRET_FILE"];
  if (!path) return env["ICEMINT_CLIENT_SECRET"];
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new Error(`ICEMINT_CLIENT_SECRET_FILE: ${path} cannot be read`, { cause });
  }
}

const openGrpc: OpenTransport = (server) => {
  const sessionManager = new Http2SessionManager(server);
  const transport = createGrpcTransport({ baseUrl: server, sessionManager });
  // An open session would keep the process from ending.
  return { transport, close: () => sessionManager.abort() };
};

const TIMEOUT_MS = 10_000;

/**
 * Connects, calls and prints the answer. Resolves with the exit code: 0, or 1 with the reason on stderr
 * if the server refused, is away, or no credentials are set.
 */
export async function callAsOperator(
  options: Parameters<typeof connectAsOperator>[0] & Pick<CommandContext, "stdout" | "stderr">,
  call: (transport: Transport, options: CallOptions) => Promise<string>,
): Promise<number> {
  const { stdout, stderr } = options;
  try {
    const { transport, headers, close } = connectAsOperator(options);
    try {
      stdout.write(await call(transport, { headers, timeoutMs: TIMEOUT_MS }));
    } finally {
      close();
    }
    return 0;
  } catch (error) {
    stderr.write(`icemint: ${explain(error)}\n`);
    return 1;
  }
}

function explain(error: unknown): string {
  if (!(error instanceof ConnectError)) return error instanceof Error ? error.message : String(error);
  return `${Code[error.code]}: ${error.rawMessage}`;
}
