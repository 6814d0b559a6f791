/** `icemint keys list | rotate | revoke KID`: an operator manages the signing keys, by gRPC. */
import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import { createClient, type CallOptions, type Client } from "@connectrpc/connect";
import { KeyService, KeyState, type SigningKey } from "../gen/icemint/v1/key_service_pb.js";
import type { CommandContext } from "./command.js";
import { warningAfter } from "./key-revoked-warning.js";
import {
  CONNECTION_OPTIONS,
  CONNECTION_USAGE,
  type Connection,
  type OpenTransport,
  callAsOperator,
} from "./operator-connection.js";
import { parseWithIds } from "./positional-ids.js";
import { textTable } from "./text-table.js";

export const USAGE = `usage: icemint keys list
       icemint keys rotate
       icemint keys revoke KID
       (each with [--server URL] [--client ID] [--secret-file FILE] [--insecure])

The client needs permission rotate_keys; to list, observe will do.
${CONNECTION_USAGE}`;

export type KeysContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr"> & {
  readonly readStdin?: CommandContext["readStdin"];
  readonly openTransport?: OpenTransport;
};

type Action = (
  client: Client<typeof KeyService>,
  options: CallOptions,
  warn: (text: string) => void,
) => Promise<string>;

/** Runs the command. Resolves with the exit code: 0, 1 if the server refused or is away, 2 for wrong arguments. */
export async function keys(context: KeysContext): Promise<number> {
  const typed = readArguments(context.args);
  if (typed === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  return callAsOperator({ ...context, connection: typed.connection }, (transport, options) =>
    typed.action(createClient(KeyService, transport), options, (text) => {
      context.stderr.write(`warning: ${text}\n`);
    }),
  );
}

function readArguments(args: readonly string[]): { action: Action; connection: Connection } | undefined {
  const typed = parseWithIds(args, CONNECTION_OPTIONS);
  const action = typed && actionOf(typed.positionals);
  return action && { action, connection: typed.values };
}

function actionOf([verb, kid, ...rest]: readonly string[]): Action | undefined {
  if (rest.length > 0 || (kid !== undefined && verb !== "revoke")) return undefined;
  if (verb === "list") return list;
  if (verb === "rotate") return rotate;
  return verb === "revoke" && kid !== undefined ? revoke(kid) : undefined;
}

const list: Action = async (client, options) => table((await client.listKeys({}, options)).keys);

const rotate: Action = async (client, options) => {
  const { key } = await client.rotateKeys({}, options);
  return key === undefined ? "" : `published ${key.kid}: it signs from ${instant(key.activateTime)}\n`;
};

function revoke(kid: string): Action {
  return async (client, options, warn) => {
    await client.revokeKey({ kid }, options);
    // The key is revoked, whatever becomes of this look.
    const after = await client.listKeys({}, options).catch(() => undefined);
    const warning =
      after === undefined
        ? "the keys could not be listed afterwards: run `icemint keys list`."
        : warningAfter(kid, after.keys);
    if (warning !== undefined) warn(warning);
    return `revoked ${kid}: its tokens are refused from now on\n`;
  };
}

function table(rows: readonly SigningKey[]): string {
  return textTable([
    ["KID", "ALGORITHM", "STATE", "PUBLISHED", "SIGNS FROM", "SIGNED UNTIL"],
    ...rows.map((key) => [
      key.kid,
      key.algorithm,
      KeyState[key.state].toLowerCase(),
      instant(key.publishTime),
      instant(key.activateTime),
      instant(key.retireTime),
    ]),
  ]);
}

function instant(time: Timestamp | undefined): string {
  return time === undefined
    ? "-"
    : timestampDate(time)
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
}
