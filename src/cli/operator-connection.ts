/** How the operator's commands reach a server: where it is, and who asks. Secrets come from the environment alone. */
import { readFileSync } from "node:fs";
import { type CallOptions, Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { isCleartext } from "../config/reading/listen-address.js";
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

/** What every operator's command takes, for `parseArgs`. */
export const CONNECTION_OPTIONS = {
  server: { type: "string" },
  client: { type: "string" },
  "secret-file": { type: "string" },
  insecure: { type: "boolean" },
} as const;

/** The same in words, for the usage. */
export const CONNECTION_USAGE = `The server is --server URL or ICEMINT_SERVER (default ${DEFAULT_SERVER}). The credentials are --client ID
or ICEMINT_CLIENT_ID, and --secret-file FILE (-: standard input), ICEMINT_CLIENT_SECRET_FILE or ICEMINT_CLIENT_SECRET. They go to
https and to this machine only; --insecure sends them in clear to any http address.
`;

/** Where the server is and who asks, as it was typed. */
export interface Connection {
  readonly server?: string | undefined;
  readonly client?: string | undefined;
  readonly "secret-file"?: string | undefined;
  readonly insecure?: boolean | undefined;
}

export interface ConnectionContext extends Pick<CommandContext, "env"> {
  readonly connection: Connection;
  readonly readStdin?: CommandContext["readStdin"] | undefined;
  readonly openTransport?: OpenTransport | undefined;
}

/** Connects by gRPC. Throws an Error that says what is missing, or why the credentials do not go there. */
async function connectAsOperator(context: ConnectionContext): Promise<OperatorConnection> {
  const { env, connection, openTransport = openGrpc } = context;
  const server = connection.server ?? env["ICEMINT_SERVER"] ?? DEFAULT_SERVER;
  if (!/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw new Error(`the server's address must be a URL such as ${DEFAULT_SERVER}`);
  }
  if (isCleartext(server) && connection.insecure !== true) {
    throw new Error(
      "the server's address is http and not on this machine: the secret would go there in clear. Use https, a forwarded " +
        "port (kubectl port-forward), or --insecure",
    );
  }
  const clientId = connection.client ?? env["ICEMINT_CLIENT_ID"];
  const secret = await clientSecret(context);
  if (!clientId || !secret) {
    throw new Error("set ICEMINT_CLIENT_ID, and ICEMINT_CLIENT_SECRET or ICEMINT_CLIENT_SECRET_FILE");
  }
  const basic = Buffer.from(`${clientId}:${secret}`).toString("base64");
  return { ...openTransport(server), headers: { authorization: `Basic ${basic}` } };
}

async function clientSecret({ env, connection, readStdin }: ConnectionContext): Promise<string | undefined> {
  const typed = connection["secret-file"];
  if (typed === "-" && readStdin !== undefined) return (await readStdin()).trim();
  const path = typed ?? env["ICEMINT_CLIENT_SECRET_FILE"];
  if (!path) return env["ICEMINT_CLIENT_SECRET"];
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new Error(`${typed === undefined ? "ICEMINT_CLIENT_SECRET_FILE" : "--secret-file"}: ${path} cannot be read`, {
      cause,
    });
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
  context: ConnectionContext & Pick<CommandContext, "stdout" | "stderr">,
  call: (transport: Transport, options: CallOptions) => Promise<string>,
): Promise<number> {
  const { stdout, stderr } = context;
  try {
    const { transport, headers, close } = await connectAsOperator(context);
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
