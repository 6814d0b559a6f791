/** `icemint clients list`: who exists, whose secrets expire, what was used when, and who is refused why; by gRPC. */
import { parseArgs } from "node:util";
import { toJson } from "@bufbuild/protobuf";
import { durationFromMs, timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type Transport, createClient } from "@connectrpc/connect";
import { parseDuration } from "../config/reading/duration.js";
import {
  ListClientsResponseSchema,
  type ListClientsResponse,
  type ObservedClient,
  type ObservedSecret,
  OperatorService,
} from "../gen/icemint/v1/operator_service_pb.js";
import type { CommandContext } from "./command.js";
import { CONNECTION_OPTIONS, CONNECTION_USAGE, type OpenTransport, callAsOperator } from "./operator-connection.js";
import { printable, textTable } from "./text-table.js";

export const USAGE = `usage: icemint clients list [--expiring 30d] [--json]
       [--server URL] [--client ID] [--secret-file FILE] [--insecure]

--expiring: only clients with a secret that expires within this time, or has expired. --json: one JSON object.
The client needs permission observe.
${CONNECTION_USAGE}`;

export type ListContext = Pick<CommandContext, "args" | "env" | "stdout" | "stderr"> & {
  readonly readStdin?: CommandContext["readStdin"];
  readonly openTransport?: OpenTransport;
};

/** Resolves with the exit code: 0, 1 if the server refused or is away, 2 for wrong arguments. */
export async function clientsList(context: ListContext): Promise<number> {
  const typed = readArguments(context.args);
  if (typed === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  return callAsOperator({ ...context, connection: typed.connection }, async (transport, options) => {
    const all = await everyPage(transport, options, typed.expiringMs);
    return typed.json ? `${JSON.stringify(toJson(ListClientsResponseSchema, all), undefined, 2)}\n` : spelled(all);
  });
}

async function everyPage(
  transport: Transport,
  options: CallOptions,
  expiringMs: number | undefined,
): Promise<ListClientsResponse> {
  const service = createClient(OperatorService, transport);
  const asked = expiringMs === undefined ? {} : { expiringWithin: durationFromMs(expiringMs) };
  const all = await service.listClients(asked, options);
  while (all.nextPageToken !== "") {
    const more = await service.listClients({ ...asked, pageToken: all.nextPageToken }, options);
    all.clients.push(...more.clients);
    all.nextPageToken = more.nextPageToken;
  }
  return all;
}

function spelled({ clients, usesRecordedSince: since }: ListClientsResponse): string {
  const rows = clients.map((client) => [
    printable(client.id) + (client.disabled ? " (disabled)" : ""),
    client.workload === "" ? "-" : printable(client.workload),
    client.grants.join(" ") || "-",
    printable(client.scopes.join(" ")) || "-",
    client.secrets.map((secret) => secretText(secret, since)).join("; ") || credentialsOf(client),
    since === undefined ? "not known" : instant(client.lastTokenTime, "none"),
    client.refusals.map(({ reason, count }) => `${printable(reason)} ${count}`).join(", ") || "-",
  ]);
  const head = ["CLIENT", "RULE", "GRANTS", "SCOPES", "SECRETS", "LAST TOKEN", "REFUSED IN THE LAST HOUR"];
  return textTable([head, ...rows]) + recordedSince(since);
}

function credentialsOf({ hasKeys, federated }: ObservedClient): string {
  return hasKeys ? "keys of its own" : federated.length > 0 ? "workload's token" : "-";
}

function secretText({ name, expireTime, lastUseTime }: ObservedSecret, since: Timestamp | undefined): string {
  const used = since === undefined ? "" : lastUseTime === undefined ? ", no use" : `, used ${instant(lastUseTime, "")}`;
  return `${printable(name)} ${expireTime === undefined ? "never expires" : `until ${instant(expireTime, "")}`}${used}`;
}

/** What was not used since then is not said to be unused for longer. */
function recordedSince(since: Timestamp | undefined): string {
  if (since === undefined) return "\nThe shared state is away: no use is known.\n";
  return `\nUse is recorded since ${instant(since, "")}: "none" and "no use" say nothing of the time before.\n`;
}

function instant(time: Timestamp | undefined, otherwise: string): string {
  return time === undefined
    ? otherwise
    : timestampDate(time)
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...CONNECTION_OPTIONS, expiring: { type: "string" }, json: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const expiringMs = values.expiring === undefined ? undefined : parseDuration(values.expiring);
    if (positionals.length > 0 || (values.expiring !== undefined && expiringMs === undefined)) return undefined;
    return { connection: values, json: values.json, expiringMs };
  } catch {
    return undefined;
  }
}
