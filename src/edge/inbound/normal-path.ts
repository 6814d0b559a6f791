/**
 * Paths as rules compare them. A proxy, the edge and a service may read an unusual spelling as three different paths
 * (`/a/../admin`, `/%61dmin`, `//admin`, `/admin;x`). Only the normal form is compared (RFC 3986 section 6.2.2).
 */

/**
 * Without `;`, which RFC 3986 allows: servlet containers cut what follows it. Escapes have upper-case digits. `%1F`,
 * which Iceberg puts between the parts of a namespace, is one of them.
 */
const PATH = /^(?:\/(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-F]{2})*)+$/;

/**
 * Empty segments, dot segments, and escapes of what needs none: of letters, digits, `-`, `.`, `_` and `~`. Escapes that
 * are a path's own marks once decoded: `/`, `\`, NUL, and an escape within an escape (`%252F`).
 */
const AMBIGUOUS = /\/\/|\/\.{1,2}(?:\/|$)|%(?:00|2[DEF]|3[0-9]|[46][1-9A-F]|[57][0-9A]|5[CF]|7E|25[0-9A-Fa-f]{2})/;

/** The decoded path of a request target, without its query. Undefined if it is not in normal form. */
export function normalPath(target: string): string | undefined {
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  if (!PATH.test(path) || AMBIGUOUS.test(path)) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined; // not UTF-8
  }
}
