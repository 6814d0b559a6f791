import { SECOND } from "../../time/clock.js";
import type { Holding } from "../part.js";
import type { NamedLine } from "./token-lines.js";

/** What `/readyz` says of an entry's token. Without its file, programs that read files have none. */
export function holdingOf({ name: entry, line }: NamedLine, isWritten: boolean, now: number): Holding {
  const { live, failure } = line;
  const name = `token ${entry}`;
  const why = failure === undefined ? "" : `; last attempt failed: ${failure.message}`;
  if (live === undefined) return { name, state: "failing", detail: `none${why}` };
  const left = `live for ${secondsTo(live.expiresAt, now)}s`;
  if (!isWritten) return { name, state: "failing", detail: `${left}; not in its file` };
  return { name, state: failure === undefined ? "ok" : "degraded", detail: left + why };
}

/** Whole seconds. */
export function secondsTo(instant: number, now: number): number {
  return Math.floor((instant - now) / SECOND);
}
