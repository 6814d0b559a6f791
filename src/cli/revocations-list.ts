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
import { callAsOperator } from "./operator-connection.js";
import { printable, textTable } from "./text-table.js";

export const USAGE = `usage: icemint revocations list [--json] [--server URL]

The first 1000 in force, the broad ones before sessions, and how many there are of each kind.
The client needs permission observe. Its credentials come from ICEMINT_CLIENT_ID and ICEMINT_CLIENT_SECRET, or
ICEMINT_CLIENT_SECRET_FILE; the server from --server or ICEMINT_SERVER (default http://127.0.0.1:8181).
`;

const SHOWN = 1000;

/** Resolves with the exit code: 0, 1 if the server refused or is away, 2 for wrong arguments. */
export async function revocationsList(context: ListContext): Promise<number> {
  const typed = readArguments(context.args);
  if (typed === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  return callAsOperator({ ...context, server: typed.server }, async (transport, options) => {
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
    return parseArgs({
      args: [...args],
      options: { server: { type: "string" }, json: { type: "boolean", default: false } },
    }).values;
  } catch {
    return undefined;
  }
}
