import type { IncomingMessage } from "node:http";
import { isRepeated } from "./raw-headers.js";

/** The characters of `uri-host [ ":" port ]` (RFC 3986 section 3.2.2). */
const HOST = /^[A-Za-z0-9._~!$&'()*+,;=%:[\]-]*$/;

/**
 * Whether a request is one that Node's parser should not have let through: a version other than HTTP/1 (it takes 0.9 and
 * 2.0), more than one `Host`, or one that is no host (RFC 9112 section 3.2 wants 400 for both).
 */
export function isMalformed({ httpVersionMajor, headers, rawHeaders }: IncomingMessage): boolean {
  return httpVersionMajor !== 1 || !HOST.test(headers.host ?? "") || isRepeated(rawHeaders, "host");
}
