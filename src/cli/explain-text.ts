/** Says in plain sentences what a record of the log means, and what to do. */
import type { JsonObject, JsonValue } from "../oauth/json.js";
import { ADVICE_OF_FAILURE, ADVICE_OF_REASON } from "./explain-advice.js";
import { printable } from "./text-table.js";

export function sentencesOf(record: JsonObject): string {
  const time = text(record["time"]) || "at an unknown time";
  return [`${time}  ${whatHappened(record)}`, ...details(record).map((detail) => `  ${detail}`)].join("\n");
}

function whatHappened(record: JsonObject): string {
  const who = whoAsked(record);
  switch (record["event"]) {
    case "token_issued":
      return `${who} got a token by ${text(record["via"]) || text(record["grant"])}.`;
    case "token_refused":
      return `${who} was refused a token (${text(record["grant"])}).`;
    case "request_refused":
      return `A request was refused before it was known what it asks for (${text(record["endpoint"])}).`;
    case "revoked":
      return record["what"] === "nothing"
        ? `${who} revoked a token that was dead already, or unknown.`
        : `${who} revoked ${text(record["what"])} ${text(record["id"])}.`;
    case "revocation_refused":
      return `${who} was refused a revocation.`;
    case "introspected":
      return `${who} looked a token up: it was ${record["active"] === true ? "active" : "not active, or not for it to see"}.`;
    case "introspection_refused":
      return `${who} was refused to look a token up.`;
    case "operated":
      return `${who} did ${text(record["operation"])}${text(record["id"]) && ` ${text(record["id"])}`}.`;
    case "operation_refused":
      return `${who} was refused ${text(record["operation"])}.`;
    case "refresh_reused":
      return `A refresh token of ${who} was used twice: its session has been revoked.`;
    default:
      return text(record["msg"]) || text(record["event"]) || "A line without a message.";
  }
}

/** Nobody proved a claimed id. */
function whoAsked(record: JsonObject): string {
  const client = text(record["client"]);
  if (client === "") return "Somebody";
  return record["error"] === "invalid_client" ? `Somebody who names client ${client}` : `Client ${client}`;
}

function details(record: JsonObject): readonly string[] {
  const { error } = record;
  return [
    ...line("asked from", record["address"], "over", record["transport"], "request", record["request_id"]),
    ...line("authenticated by", record["auth_method"], "with the secret", record["secret_name"]),
    ...line("for subject", record["subject"], "through", record["actors"]),
    ...line("scopes", record["scopes"], "audience", record["audience"]),
    ...line("session", record["session"], "jti", record["jti"]),
    ...(error === undefined ? [] : refusal(record)),
    ...line("cause", record["cause"]),
  ];
}

function refusal(record: JsonObject): readonly string[] {
  const [reason, failure] = [text(record["reason"]), text(record["failure"])];
  const advice = adviceOf(ADVICE_OF_FAILURE, failure) ?? adviceOf(ADVICE_OF_REASON, reason);
  return [
    `the caller was told: ${text(record["error"])}: ${text(record["description"])}`,
    ...line("really:", record["detail"]),
    ...(advice === undefined ? [] : [`what to do: ${advice}`]),
    `more: docs/errors.md#${reason.toLowerCase()}`,
  ];
}

function adviceOf(table: Readonly<Record<string, string>>, word: string): string | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** Labels and values in turn; what has no value is left out. */
function line(...parts: readonly (JsonValue | undefined)[]): readonly string[] {
  const said: string[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const value = text(parts[at + 1]);
    if (value !== "") said.push(`${text(parts[at])} ${value}`);
  }
  return said.length === 0 ? [] : [said.join(", ")];
}

function text(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return printable(value.join(" "));
  return typeof value === "string" ? printable(value) : "";
}
