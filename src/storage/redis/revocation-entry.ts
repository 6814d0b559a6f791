/**
 * The spelling of a revocation in the log: kind letter, end, not-before if it has one, a space, the id. In seconds. A
 * MAC stands beside it. Without a right MAC someone else wrote the entry, or a release without MACs. Such a revocation
 * is still obeyed, since one that was tampered with must not be lost. But it reaches only the next seconds and the last
 * session that can be alive.
 */
import { isSameDigest } from "../../crypto/constant-time.js";
import type { StoreMac } from "../../crypto/store-mac.js";
import type { Revocation } from "../../oauth/revocation.js";
import { SECOND, toSeconds } from "../../time/clock.js";
import { NOT_BEFORE_AHEAD_MS } from "../revocation-log.js";

const KIND_LETTER = { session: "s", subject: "u", client: "c", client_prefix: "p", everything: "e", key: "k" } as const;
const ENTRY = /^([sucpek])(\d{1,12})(?:\.(\d{1,12}))? ([^]*)$/;
const SESSION_ID = /^[A-Za-z0-9_-]{22}$/;
/** Ids that workload rules derive have 255 characters at most. */
const SHORT_ID = /^[\x21-\x7E]{1,255}$/;
const MAX_SUBJECT = 4096;

/** No entry is longer, in bytes: a subject may have 4,096 characters. */
export const MAX_ENTRY_BYTES = 17 * 1024;
/** Half of a SHA-256 MAC (RFC 2104 section 5): there may be a million entries. */
const MAC_LENGTH = 22;

/** The kind's letter and the id, as they are written. */
function kindAndId(revocation: Revocation): readonly [string, string] {
  const letter = KIND_LETTER[revocation.kind];
  switch (revocation.kind) {
    case "session":
      return [letter, revocation.sessionId];
    case "subject":
      return [letter, revocation.subject];
    case "client":
      return [letter, revocation.clientId];
    case "client_prefix":
      return [letter, revocation.prefix];
    case "key":
      return [letter, revocation.kid];
    default:
      return [letter, ""];
  }
}

/** Writes an entry. */
export function formatEntry(revocation: Revocation): string {
  const [letter, id] = kindAndId(revocation);
  const notBefore = "notBefore" in revocation ? `.${toSeconds(revocation.notBefore)}` : "";
  return `${letter}${toSeconds(revocation.expiresAt)}${notBefore} ${id}`;
}

/** The MAC of an entry. */
export function macOf(entry: string, mac: StoreMac): string {
  return mac([entry]).slice(0, MAC_LENGTH);
}

/** Whether icemint wrote the entry as it is. */
export function isAuthentic(entry: string, entryMac: string, mac: StoreMac): boolean {
  return isSameDigest(entryMac, macOf(entry, mac));
}

/** Reads an entry; undefined if it is none that this version knows. */
export function parseEntry(entry: string): Revocation | undefined {
  const [, letter, ends, stamp, id = ""] = ENTRY.exec(entry) ?? [];
  const expiresAt = Number(ends) * SECOND;
  const notBefore = Number(stamp ?? 0) * SECOND;
  switch (letter) {
    case "s":
      return SESSION_ID.test(id) ? { kind: "session", sessionId: id, expiresAt } : undefined;
    case "u":
      return id.length <= MAX_SUBJECT ? { kind: "subject", subject: id, notBefore, expiresAt } : undefined;
    case "c":
      return SHORT_ID.test(id) ? { kind: "client", clientId: id, notBefore, expiresAt } : undefined;
    case "p":
      return SHORT_ID.test(id) ? { kind: "client_prefix", prefix: id, notBefore, expiresAt } : undefined;
    case "e":
      return { kind: "everything", notBefore, expiresAt };
    case "k":
      return SHORT_ID.test(id) ? { kind: "key", kid: id, expiresAt } : undefined;
    default:
      return undefined;
  }
}

/**
 * The part of a tampered revocation that is obeyed. A not-before far ahead would date sessions behind later
 * revocations. An end far ahead would stay in every replica's memory.
 */
export function bounded(revocation: Revocation, now: number, lastSessionEnd: number): Revocation {
  const expiresAt = Math.min(revocation.expiresAt, lastSessionEnd);
  if (!("notBefore" in revocation)) return { ...revocation, expiresAt };
  return { ...revocation, expiresAt, notBefore: Math.min(revocation.notBefore, now + NOT_BEFORE_AHEAD_MS) };
}
