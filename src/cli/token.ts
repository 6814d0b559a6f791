/** `icemint token`: gets a token by gRPC, for a person with a terminal and for scripts. Prints the token alone. */
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { TokenService } from "../gen/icemint/v1/token_service_pb.js";
import type { CommandContext } from "./command.js";
import { type OpenTransport, callAsOperator } from "./operator-connection.js";

export const USAGE = `usage: icemint token [--scope SCOPE] [--audience NAME]... [--server URL]

Prints a token for the client whose credentials are in ICEMINT_CLIENT_ID and ICEMINT_CLIENT_SECRET, or
ICEMINT_CLIENT_SECRET_FILE; the server from --server or ICEMINT_SERVER (default http://127.0.0.1:8181).
`;

export type TokenContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr"> & {
  readonly openTransport?: OpenTransport;
};

/** Runs the command. Resolves with the exit code: 0, 1 if the server refused or is away, 2 for wrong arguments. */
export async function token(context: TokenContext): Promise<number> {
  const options = readArguments(context.args);
  if (options === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  const { scope = "", audience = [], server } = options;
  return callAsOperator({ ...context, server }, async (transport, callOptions) => {
    const request = { grant: { case: "clientCredentials", value: {} }, scope, audience } as const;
    const response = await createClient(TokenService, transport).getToken(request, callOptions);
    return `${response.accessToken}\n`;
  });
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        scope: { type: "string" },
        audience: { type: "string", multiple: true },
        server: { type: "string" },
      },
    }).values;
  } catch {
    return undefined;
  }
}
