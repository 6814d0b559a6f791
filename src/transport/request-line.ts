import type { IncomingMessage } from "node:http";
import { isRepeated } from "./raw-headers.js";

/** The characters of `uri-host [ ":" port ]` (RFC 3986 section 3.2.2). */
const HOST = /^[A-Za-z0-9._~!$&'()*+,;=%:[\]-]*$/;

/** Codings below the chunks. What does not end in chunks the parser refuses by itself. */
const UNDER_CHUNKED = /,\s*chunked\s*$/i;

/**
 * Whether a request is one that Node's parser should not have let through: a version other than HTTP/1 (it takes 0.9 and
 * 2.0), no `Host` in HTTP/1.1, more than one, or one that is no host (RFC 9112 section 3.2 wants 400 for all), a transfer
 * coding that nobody here can decode (section 6.1), as its bytes would be taken for the body, or any in HTTP/1.0.
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
