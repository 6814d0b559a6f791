/**
 * What clients of several replicas saw, one entry for each answered or failed call: who asked what, when, and what came
 * of it. Instants in milliseconds of one process's monotonic clock. Never a token: families and sessions are ids.
 */
import { writeFileSync } from "node:fs";

export type What =
  /** A token by client credentials. */
  | "client_credentials"
  /** Iceberg's refresh: an exchange of the client's own token. */
  | "exchange"
  /** A user's session begins, by an exchange. */
  | "begin"
  | "refresh_token"
  /** A refresh token that was replaced long ago, as a thief would use it. */
  | "reuse"
  | "revoke"
  /** A look at a session that was revoked: `ok` if it still counts. */
  | "probe"
  /** The last look, at each replica, when all is over: `ok` if the session still counts. */
  | "final"
  /** A revocation reached a watcher. */
  | "watched"
  /** A replica's readiness. */
  | "readyz";

export interface Call {
  readonly who: string;
  readonly what: What;
  readonly calledAt: number;
  readonly answeredAt: number;
  /** `ok`, or how it failed: an HTTP status, a gRPC code, `reset`, `unreachable`, `timeout`. */
  readonly outcome: string;
  /** The session that the call was about. */
  readonly session?: string;
  /** The refresh token family, the generation that was presented, and the one that was handed out. */
  readonly family?: string;
  readonly presented?: number;
  readonly successor?: number;
}

/** What happened beside calls. */
export interface Incident {
  readonly who: string;
  readonly what:
    /** Redis could not be written to: revocations and rotations wait. */
    | "redis_away"
    /** A client lost its session for good. */
    | "lost";
  readonly calledAt: number;
  readonly answeredAt: number;
  readonly outcome: string;
}

export type Entry = Call | Incident;

/** Collects the history of one scenario. */
export class History {
  readonly #entries: Entry[] = [];

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Writes JSON lines. */
  write(file: string): void {
    writeFileSync(file, this.#entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  }
}

export function isCall(entry: Entry): entry is Call {
  return entry.what !== "redis_away" && entry.what !== "lost";
}
