/** `icemint revocations list`: what is revoked and still in force, by gRPC. */
import { parseArgs } from "node:util";
import { toJson } from "@bufbuild/protobuf";
import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import {
  ListRevocationsResponseSchema,
  type ListRevocationsResponse,
  OperatorService,
} from "../gen/icemint/v1/operator_service_pb.js";
import type { ListContext } from "./clients-list.js";
import { CONNECTION_OPTIONS, CONNECTION_USAGE, callAsOperator } from "./operator-connection.js";
import { printable, textTable } from "./text-table.js";

export const USAGE = `usage: icemint revocations list [--json]
       [--server URL] [--client ID] [--secret-file FILE] [--insecure]

The first 1000 in force, the broad ones before sessions, and how many there are of each kind.
The client needs permission observe.
${CONNECTION_USAGE}`;

const SHOWN = 1000;

/** Resolves with the exit code: 0, 1 if the server refused or is away, 2 for wrong arguments. */
export async function revocationsList(context: ListContext): Promise<number> {
  const typed = readArguments(context.args);
  if (typed === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  return callAsOperator({ ...context, connection: typed.connection }, async (transport, options) => {
    const found = await createClient(OperatorService, transport).listRevocations({ pageSize: SHOWN }, options);
    return typed.json
      ? `${JSON.stringify(toJson(ListRevocationsResponseSchema, found), undefined, 2)}\n`
      : spelled(found);
  });
}

function spelled({ revocations, counts }: ListRevocationsResponse): string {
  const rows = revocations.map(({ kind, id, notBeforeTime, expireTime }) => [
    kind,
    printable(id) || "-",
    notBeforeTime === undefined ? "whenever it began" : `sessions begun up to ${instant(notBeforeTime)}`,
    instant(expireTime),
  ]);
  const all = counts.reduce((sum, { count }) => sum + Number(count), 0);
  const of = counts.map(({ kind, count }) => `${count} ${kind}`).join(", ");
  const total = all === 0 ? "Nothing is revoked.\n" : `\n${all} in force (${of}); ${revocations.length} shown.\n`;
  return (rows.length === 0 ? "" : textTable([["KIND", "OF", "ENDS", "FORGOTTEN"], ...rows])) + total;
}

function instant(time: Timestamp | undefined): string {
  return time === undefined
    ? "-"
    : timestampDate(time)
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
}

function readArguments(args: readonly string[]) {
  try {
    const { json, ...connection } = parseArgs({
      args: [...args],
      options: { ...CONNECTION_OPTIONS, json: { type: "boolean", default: false } },
    }).values;
    return { json, connection };
  } catch {
    return undefined;
  }
}
