/** `icemint revoke`: ends sessions by gRPC. A token is read from standard input: it must not stand in a command line. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  type RevokeTokenRequestSchema,
  type RevokeTokenResponse,
  TokenService,
} from "../gen/icemint/v1/token_service_pb.js";
import type { CommandContext } from "./command.js";
import { CONNECTION_OPTIONS, CONNECTION_USAGE, type OpenTransport, callAsOperator } from "./operator-connection.js";
import { parseWithIds } from "./positional-ids.js";

export const USAGE = `usage: icemint revoke token < FILE         the session of the token that FILE holds
       icemint revoke session SID
       icemint revoke subject SUBJECT         every session of a subject, begun up to now
       icemint revoke client ID               every session of a client, or in which it acts, begun up to now
       icemint revoke workload RULE           every session of the clients of a workload rule, begun up to now
       icemint revoke everything              every session begun up to now
       (each with [--yes] [--server URL] [--client ID] [--secret-file FILE] [--insecure])

It asks before it revokes everything, and before it revokes a client that the settings do not have. --yes says yes; a script
needs it there. All but tokens of the client's own need permission revoke.
${CONNECTION_USAGE}`;

type Target = MessageInitShape<typeof RevokeTokenRequestSchema>["target"];

export type RevokeContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr" | "readStdin" | "confirm"> & {
  readonly openTransport?: OpenTransport;
};

const OPTIONS = { ...CONNECTION_OPTIONS, yes: { type: "boolean" } } as const;

/** Runs the command. Resolves with the exit code: 0, 1 if it was refused, not confirmed, or the server is away, 2 for wrong arguments. */
export async function revoke(context: RevokeContext): Promise<number> {
  const typed = parseWithIds(context.args, OPTIONS);
  const readsStdin = typed?.positionals[0] === "token" && typed.values["secret-file"] === "-";
  const target = typed && !readsStdin && (await targetOf(typed.positionals, context));
  if (!typed || !target) {
    context.stderr.write(USAGE);
    return 2;
  }
  const { yes = false, ...connection } = typed.values;
  return callAsOperator({ ...context, connection }, async (transport, options) => {
    const service = createClient(TokenService, transport);
    if (!yes) {
      const doubt = await doubtAbout(target, (request) => service.revokeToken(request, options));
      if (doubt !== undefined) await requireYes(doubt, context);
    }
    await service.revokeToken({ target }, options);
    return "revoked: stored, and on its way to every replica\n";
  });
}

/** A question for a person, where a slip would cost much or hide. */
async function doubtAbout(
  target: NonNullable<Target>,
  ask: (request: MessageInitShape<typeof RevokeTokenRequestSchema>) => Promise<RevokeTokenResponse>,
): Promise<string | undefined> {
  if (target.case === "everything") return "Every session of every client and user ends.";
  if (target.case !== "client") return undefined;
  const { known } = await ask({ target, validateOnly: true });
  return known === false ? `The settings have no client of the id ${JSON.stringify(target.value)}.` : undefined;
}

async function requireYes(doubt: string, { confirm }: Pick<RevokeContext, "confirm">): Promise<void> {
  const answer = await confirm(`${doubt} Revoke?`);
  if (answer === true) return;
  throw new Error(answer === false ? "nothing was revoked" : `${doubt} Nothing was revoked: add --yes`);
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
