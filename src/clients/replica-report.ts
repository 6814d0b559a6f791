/** What a replica tells the others of itself, as it lies in the store. What is read back may be anything. */
import { type JsonValue, isJsonObject } from "../oauth/json.js";
import { MAX_REPORT_LENGTH } from "../storage/activity.js";
import type { RefusalCounts } from "./hour-tally.js";

export interface ReplicaState {
  /** Of its machine or pod. */
  readonly name: string;
  readonly version: string;
  /** Milliseconds. */
  readonly startedAt: number;
  /** Names its clients, workload rules and trusted issuers: equal for equal settings. */
  readonly settingsDigest: string;
  /** `ok`, `degraded` or `failing`. */
  readonly state: string;
  readonly refusals: RefusalCounts;
  /** Tokens that it issued in the last hour. */
  readonly tokensLastHour: number;
  /** Milliseconds. */
  readonly saidAt: number;
}

/** Refused clients in a report. Of more, the most refused. */
const MAX_CLIENTS = 200;
const MAX_TEXT = 256;

export function writeReport({ refusals, ...rest }: Omit<ReplicaState, "saidAt">): string {
  const most = [...refusals].toSorted(([, a], [, b]) => sum(b) - sum(a)).slice(0, MAX_CLIENTS);
  const report = (clients: typeof most) =>
    JSON.stringify({ ...rest, refusals: clients.map(([id, reasons]) => [id, ...reasons]) });
  const text = report(most);
  return text.length <= MAX_REPORT_LENGTH / 2 ? text : report(most.slice(0, MAX_CLIENTS / 10));
}

function sum(reasons: ReadonlyMap<string, number>): number {
  return [...reasons.values()].reduce((all, count) => all + count, 0);
}

/** Undefined for what no replica wrote. */
export function readReport(report: string): Omit<ReplicaState, "saidAt"> | undefined {
  const value = parsed(report);
  if (!isJsonObject(value)) return undefined;
  const { name, version, startedAt, settingsDigest, state, refusals, tokensLastHour } = value;
  if (!isText(name) || !isText(version) || !isText(settingsDigest) || !isText(state)) return undefined;
  if (!isCount(startedAt) || !isCount(tokensLastHour) || !Array.isArray(refusals)) return undefined;
  return {
    name,
    version,
    startedAt,
    settingsDigest,
    state,
    tokensLastHour,
    refusals: new Map(refusals.flatMap(refusalsOf)),
  };
}

function refusalsOf(entry: JsonValue): readonly (readonly [string, ReadonlyMap<string, number>])[] {
  if (!Array.isArray(entry)) return [];
  const [id, ...reasons] = entry;
  if (!isText(id)) return [];
  const counts = reasons.flatMap((reason) => {
    const [why, count] = Array.isArray(reason) ? reason : [];
    return isText(why) && isCount(count) ? [[why, count] as const] : [];
  });
  return [[id, new Map(counts)]];
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT;
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parsed(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
