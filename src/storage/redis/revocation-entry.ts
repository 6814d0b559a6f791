/** How the log writes a revocation: kind letter, end, not-before if it has one, a space, the id. In seconds. */
import type { Revocation } from "../../oauth/revocation.js";

const KIND_LETTER = { session: "s", subject: "u", client: "c", everything: "e", key: "k" } as const;
const ENTRY = /^([ucek])(\d+)(?:\.(\d+))? ([^]*)$/;

/** The kind's letter and the id, as the publishing script takes them. */
export function kindAndId(revocation: Revocation): readonly [string, string] {
  const letter = KIND_LETTER[revocation.kind];
  switch (revocation.kind) {
    case "session":
      return [letter, revocation.sessionId];
    case "subject":
      return [letter, revocation.subject];
    case "client":
      return [letter, revocation.clientId];
    case "key":
      return [letter, revocation.kid];
    default:
      return [letter, ""];
  }
}

/** Writes an entry. */
export function formatEntry(revocation: Revocation): string {
  const [letter, id] = kindAndId(revocation);
  const notBefore = "notBefore" in revocation ? `.${revocation.notBefore}` : "";
  return `${letter}${revocation.expiresAt}${notBefore} ${id}`;
}

/** Reads an entry; undefined if it is none that this version knows. */
export function parseEntry(entry: string): Revocation | undefined {
  if (entry.startsWith(KIND_LETTER.session)) return parseSession(entry);
  const [, letter, ends, stamp, id = ""] = ENTRY.exec(entry) ?? [];
  const expiresAt = Number(ends);
  const notBefore = Number(stamp ?? 0);
  switch (letter) {
    case "u":
      return { kind: "subject", subject: id, notBefore, expiresAt };
    case "c":
      return { kind: "client", clientId: id, notBefore, expiresAt };
    case "e":
      return { kind: "everything", notBefore, expiresAt };
    case "k":
      return { kind: "key", kid: id, expiresAt };
    default:
      return undefined;
  }
}

/** Without a pattern: a replica that starts reads a million of these. */
function parseSession(entry: string): Revocation | undefined {
  const space = entry.indexOf(" ");
  const expiresAt = Number(entry.slice(1, space));
  return Number.isInteger(expiresAt) ? { kind: "session", sessionId: entry.slice(space + 1), expiresAt } : undefined;
}
