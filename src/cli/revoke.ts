/** `icemint revoke`: ends sessions by gRPC. A token is read from standard input: it must not stand in a command line. */
import { parseArgs } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { type RevokeTokenRequestSchema, TokenService } from "../gen/icemint/v1/token_service_pb.js";
import type { CommandContext } from "./command.js";
import { type OpenTransport, callAsOperator } from "./operator-connection.js";

export const USAGE = `usage: icemint revoke token < FILE         the session of the token that FILE holds
       icemint revoke session SID
       icemint revoke subject SUBJECT         every session of a subject, begun up to now
       icemint revoke client ID               every session of a client, or in which it acts, begun up to now
       icemint revoke workload RULE           every session of the clients of a workload rule, begun up to now
       icemint revoke everything              every session begun up to now
       (each with [--server URL])

All but tokens of the client's own need permission revoke. Credentials come from ICEMINT_CLIENT_ID and
ICEMINT_CLIENT_SECRET, or ICEMINT_CLIENT_SECRET_FILE; the server from --server or ICEMINT_SERVER (default
http://127.0.0.1:8181).
`;

type Target = MessageInitShape<typeof RevokeTokenRequestSchema>["target"];

export type RevokeContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr" | "readStdin"> & {
  readonly openTransport?: OpenTransport;
};

/** Runs the command. Resolves with the exit code: 0, 1 if the server refused or is away, 2 for wrong arguments. */
export async function revoke(context: RevokeContext): Promise<number> {
  const typed = readArguments(context.args);
  const target = typed && (await targetOf(typed.positionals, context));
  if (typed === undefined || target === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  return callAsOperator({ ...context, server: typed.server }, async (transport, options) => {
    await createClient(TokenService, transport).revokeToken({ target }, options);
    return "revoked: stored, and on its way to every replica\n";
  });
}

async function targetOf(
  [what, id, ...rest]: readonly string[],
  { readStdin }: RevokeContext,
): Promise<Target | undefined> {
  if (rest.length > 0) return undefined;
  if (what === "token" && id === undefined) return { case: "token", value: (await readStdin()).trim() };
  if (what === "everything" && id === undefined) return { case: "everything", value: true };
  if (id === undefined || id === "") return undefined;
  return what === "session" || what === "subject" || what === "client" || what === "workload"
    ? { case: what, value: id }
    : undefined;
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { server: { type: "string" } },
      allowPositionals: true,
    });
    return { server: values.server, positionals };
  } catch {
    return undefined;
  }
}
