/** Knows the settings that a running server cannot change: its addresses, and those that its parts are built from. */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config.js";

/** The members that are fixed at the start, and their names in the settings file. */
const FIXED = [
  ["issuer", "issuer"],
  ["listen", "listen"],
  ["adminListen", "admin_listen"],
  ["statusPage", "status_page"],
  ["logLevel", "log_level"],
  ["redis", "redis"],
  ["tokens", "tokens"],
  ["revocation", "revocation"],
  ["keys", "keys"],
  ["limits", "limits"],
  ["http", "http"],
  ["shutdown", "shutdown"],
  ["telemetry", "telemetry"],
] as const;

/** The names of settings that differ between what the server started with and what the file says now. */
export function needsRestart(started: Config, now: Config): readonly string[] {
  return FIXED.flatMap(([member, name]) => (isDeepStrictEqual(started[member], now[member]) ? [] : [name]));
}
