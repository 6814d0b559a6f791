/** Documents that anyone may read and cache: keys, metadata, and the list of errors. */
import { createHash } from "node:crypto";
import type { RestHandler } from "./rest-message.js";

export interface Document {
  readonly contentType: string;
  readonly body: string;
  readonly maxAgeSeconds: number;
}

/**
 * Serves a document with an entity tag. A verifier that asks again gets no body (RFC 9110 section 13.1.2). Any page may
 * read it (`Access-Control-Allow-Origin: *`).
 */
export function serveDocument(current: () => Document): RestHandler {
  let tagged = { body: "", tag: "" };
  return ({ caller, headers }) => {
    const { contentType, body, maxAgeSeconds } = current();
    if (tagged.body !== body) tagged = { body, tag: entityTag(body) };
    const answer = [
      "Cache-Control",
      `public, max-age=${maxAgeSeconds}`,
      "ETag",
      tagged.tag,
      "Access-Control-Allow-Origin",
      "*",
      "X-Request-Id",
      caller.requestId,
    ];
    if (matches(headers["if-none-match"], tagged.tag)) return { status: 304, headers: answer, body: "" };
    return { status: 200, headers: ["Content-Type", contentType, ...answer], body };
  };
}

/** Any page may ask for a document, with any headers. */
export const documentPreflight: RestHandler = ({ caller }) => ({
  status: 204,
  headers: [
    "Access-Control-Allow-Origin",
    "*",
    "Access-Control-Allow-Methods",
    "GET, HEAD",
    "Access-Control-Allow-Headers",
    "*",
    "Access-Control-Max-Age",
    "7200",
    "X-Request-Id",
    caller.requestId,
  ],
  body: "",
});

function entityTag(body: string): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;
}

/** If-None-Match compares weakly (RFC 9110 section 8.8.3.2): a proxy may have weakened the tag. */
function matches(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((sent) => sent.trim().replace(/^W\//, "") === tag);
}
