/** Finds in a log what belongs to one id: a request, a token, a session, or what became of them later. */
import { type JsonObject, isJsonObject } from "../oauth/json.js";

export interface Found {
  /** In the order of the log. */
  readonly records: readonly JsonObject[];
  readonly linesRead: number;
  /** Of the first and the last line with a time. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Whose later revocation ends a token. */
interface Names {
  readonly ids: Set<string>;
  readonly sessions: Set<string>;
  readonly subjects: Set<string>;
  readonly clients: Set<string>;
}

/** What a token says of itself. */
export interface TokenNames {
  readonly jti: string | undefined;
  readonly sid: string | undefined;
  readonly sub: string | undefined;
  readonly clientId: string | undefined;
}

/** A log can hold more for one id: of a session that lasts a year, say. The first are shown. */
const MOST_RECORDS = 500;

export async function searchLog(lines: AsyncIterable<string>, id: string, token?: TokenNames): Promise<Found> {
  const names = namesOf(id, token);
  const records: JsonObject[] = [];
  let linesRead = 0;
  let from: string | undefined;
  let to: string | undefined;
  for await (const line of lines) {
    linesRead++;
    const record = recordOf(line);
    if (record === undefined) continue;
    const { time } = record;
    if (typeof time === "string") [from, to] = [from ?? time, time];
    if (records.length >= MOST_RECORDS || !belongs(record, names)) continue;
    records.push(record);
    learn(record, names);
  }
  return { records, linesRead, from, to };
}

function namesOf(id: string, token: TokenNames | undefined): Names {
  return {
    ids: named(id, token?.jti),
    sessions: named(id, token?.sid),
    subjects: named(token?.sub),
    clients: named(token?.clientId),
  };
}

function named(...values: readonly (string | undefined)[]): Set<string> {
  return new Set(values.flatMap((value) => (value === undefined || value === "" ? [] : [value])));
}

/** Other lines may stand between ours, and a collector may write before each. */
function recordOf(line: string): JsonObject | undefined {
  const start = line.indexOf("{");
  if (start < 0) return undefined;
  try {
    const value: unknown = JSON.parse(line.slice(start));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function belongs(record: JsonObject, { ids, sessions, subjects, clients }: Names): boolean {
  const has = (names: Set<string>, member: string) => names.has(textOf(record[member]));
  if (["request_id", "jti", "trace_id"].some((member) => has(ids, member))) return true;
  if (
    textOf(record["session"])
      .split(" ")
      .some((session) => sessions.has(session))
  )
    return true;
  if (record["event"] !== "revoked") return false;
  switch (record["what"]) {
    case "session":
      return textOf(record["id"])
        .split(" ")
        .some((session) => sessions.has(session));
    case "subject":
      return has(subjects, "id");
    case "client":
      return has(clients, "id") || has(subjects, "id");
    case "workload":
      return [...clients].some((client) => client.startsWith(textOf(record["id"])));
    case "everything":
      return sessions.size > 0 && subjects.size + clients.size > 0;
    default:
      return false;
  }
}

/** What ends the token that was issued is of interest from here on. */
function learn(record: JsonObject, { sessions, subjects, clients }: Names): void {
  if (record["event"] !== "token_issued") return;
  for (const [names, member] of [
    [sessions, "session"],
    [subjects, "subject"],
    [clients, "client"],
  ] as const) {
    const value = textOf(record[member]);
    if (value !== "") names.add(value);
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
