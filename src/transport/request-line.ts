/** The head of a request as Node's parser hands it over: its target, and what that parser should have refused. */
import type { IncomingMessage } from "node:http";

/** The target of a request (RFC 9112 section 3.2), in two. */
export interface Target {
  readonly path: string;
  /** What follows the `?`, or undefined. */
  readonly query: string | undefined;
}

const AUTHORITY = /^https?:\/\/[^/?#]*/i;

/** Splits a target. A proxy's absolute form counts as its path. Nothing is decoded or normalised. */
export function parseTarget(target: string): Target {
  const local = target.startsWith("/") ? target : target.replace(AUTHORITY, "");
  const at = local.indexOf("?");
  return at === -1 ? { path: local, query: undefined } : { path: local.slice(0, at), query: local.slice(at + 1) };
}

/** The characters of `uri-host [ ":" port ]` (RFC 3986 section 3.2.2). */
const HOST = /^[A-Za-z0-9._~!$&'()*+,;=%:[\]-]*$/;

/** A coding in front of `chunked`. Node's parser refuses any coding that does not end in `chunked`. */
const UNDER_CHUNKED = /,\s*chunked\s*$/i;

/**
 * Whether Node's parser should have refused this request. RFC 9112 asks for 400 in each case:
 * - A version other than HTTP/1: Node accepts 0.9 and 2.0.
 * - No `Host` in HTTP/1.1, more than one, or one that is no host (section 3.2).
 * - A transfer coding that nobody here decodes: its bytes would pass for the body (section 6.1).
 * - Any transfer coding in HTTP/1.0.
 */
export function isMalformed({ httpVersionMajor, httpVersionMinor, headers, rawHeaders }: IncomingMessage): boolean {
  const { host, "transfer-encoding": coding } = headers;
  return (
    httpVersionMajor !== 1 ||
    (host === undefined ? httpVersionMinor > 0 : !HOST.test(host)) ||
    (coding !== undefined && (httpVersionMinor === 0 || UNDER_CHUNKED.test(coding))) ||
    isRepeated(rawHeaders, "host")
  );
}

/**
 * Whether a header was sent more than once. `rawHeaders` alternates names and values, as they were sent. Node's own
 * object silently keeps the first of two.
 */
export function isRepeated(rawHeaders: readonly string[], lowerCaseName: string): boolean {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) seen += 1;
  }
  return seen > 1;
}
