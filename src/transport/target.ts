/** The target of a request (RFC 9112 section 3.2), in two. */
export interface Target {
  readonly path: string;
  /** What follows the `?`, or undefined. */
  readonly query: string | undefined;
}

const AUTHORITY = /^https?:\/\/[^/?#]*/i;

/** Splits a target. A proxy's absolute form is taken as its path; nothing is decoded or normalised. */
export function parseTarget(target: string): Target {
  const local = target.startsWith("/") ? target : target.replace(AUTHORITY, "");
  const at = local.indexOf("?");
  return at === -1 ? { path: local, query: undefined } : { path: local.slice(0, at), query: local.slice(at + 1) };
}
