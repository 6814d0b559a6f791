/**
 * The header fields that tell a service who calls. All are set in every answer, and none is ever empty: some proxies let
 * the caller's own field pass where the answer has none (Caddy, GHSA-7r4p-vjf4-gxv4), and drop empty ones.
 */
import type { AccessToken, Actor } from "../../oauth/access-token.js";

export const IDENTITY_HEADERS = [
  "x-icemint-subject",
  "x-icemint-client",
  "x-icemint-actors",
  "x-icemint-scope",
  "x-icemint-session",
] as const;

export type IdentityHeader = (typeof IDENTITY_HEADERS)[number];

const NONE = "-";
const NAMES: ReadonlySet<string> = new Set(IDENTITY_HEADERS);
const LENGTHS: ReadonlySet<number> = new Set(IDENTITY_HEADERS.map((name) => name.length));
const SPECIAL = /[^A-Za-z0-9._~@/:-]/gu;

export function identityHeaders(token: AccessToken): readonly (readonly [IdentityHeader, string])[] {
  return [
    ["x-icemint-subject", encoded(token.subject)],
    ["x-icemint-client", encoded(token.clientId)],
    ["x-icemint-actors", chainOf(token.actor).map(actorText).join(",") || NONE],
    ["x-icemint-scope", token.scope.map(encoded).join(" ") || NONE],
    ["x-icemint-session", encoded(token.session.id)],
  ];
}

/**
 * Whether a request's field is not one of ours but becomes one at some service: CGI, WSGI and PHP turn each mark in a name into
 * `_`, and `x_icemint_subject` into the variable of `x-icemint-subject`.
 */
export function isAlias(name: string): boolean {
  if (!LENGTHS.has(name.length)) return false;
  const lower = name.toLowerCase();
  return !NAMES.has(lower) && NAMES.has(lower.replaceAll(/[^a-z0-9]/g, "-"));
}

/** The present actor first. */
function chainOf(actor: Actor | undefined): readonly Actor[] {
  return actor === undefined ? [] : [actor, ...chainOf(actor.act)];
}

/** An actor that another issuer named cannot be mistaken for a client of ours: `;` is never in an encoded name. */
function actorText({ sub, iss }: Actor): string {
  return iss === undefined ? encoded(sub) : `${encoded(sub)};iss=${encoded(iss)}`;
}

/** The name `-` is escaped: alone it means none. */
function encoded(text: string): string {
  return text === NONE ? "%2D" : text.replaceAll(SPECIAL, percentEncoded);
}

/** encodeURIComponent leaves `!'()*` as they are. */
function percentEncoded(character: string): string {
  return Array.from(new TextEncoder().encode(character), (byte) => `%${hex(byte)}`).join("");
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
