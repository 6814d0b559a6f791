/** `icemint token`: gets a token by gRPC, for a person with a terminal and for scripts. Prints the token alone. */
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { TokenService } from "../gen/icemint/v1/token_service_pb.js";
import type { CommandContext } from "./command.js";
import { CONNECTION_OPTIONS, CONNECTION_USAGE, type OpenTransport, callAsOperator } from "./operator-connection.js";

export const USAGE = `usage: icemint token [--scope SCOPE] [--audience NAME]...
                     [--server URL] [--client ID] [--secret-file FILE] [--insecure]

Prints a token for the client.
${CONNECTION_USAGE}`;

export type TokenContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr"> & {
  readonly readStdin?: CommandContext["readStdin"];
  readonly openTransport?: OpenTransport;
};

/** Runs the command. Resolves with the exit code: 0, 1 if the server refused or is away, 2 for wrong arguments. */
export async function token(context: TokenContext): Promise<number> {
  const options = readArguments(context.args);
  if (options === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  const { scope = "", audience = [], ...connection } = options;
  return callAsOperator({ ...context, connection }, async (transport, callOptions) => {
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
        ...CONNECTION_OPTIONS,
        scope: { type: "string" },
        audience: { type: "string", multiple: true },
      },
    }).values;
  } catch {
    return undefined;
  }
}
