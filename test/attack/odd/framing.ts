/** HTTP/1.1 as no client should write it: lengths that contradict each other, broken chunks, broken lines (RFC 9112). */
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import {
  accepted,
  BASIC,
  bytes,
  FORM,
  GOOD,
  GRANT,
  malformed,
  type OddRequest,
  refused,
  unparsable,
} from "./odd-request.js";

/** A body in chunks, with whatever follows the sizes. */
function chunked(body: string, extension = "", trailers = ""): string {
  return `${body.length.toString(16)}${extension}\r\n${body}\r\n0\r\n${trailers}\r\n`;
}

const CHUNKED = "Transfer-Encoding: chunked";
const withoutLength = ["content-length"];

/** A second request hidden where a sloppy reader would look for it: it must never be answered. */
const HIDDEN = bytes({ target: "/v1/oauth/introspect", body: "token=x" }).toString("latin1");

/** Bytes that must end the connection with one refusal, however many requests they could be read as. */
function smuggling(
  name: string,
  headers: readonly string[],
  body: string,
  without: readonly string[] = [],
): OddRequest {
  return { ...unparsable(name, bytes({ headers, body, without })), answers: 1 };
}

const CONFLICTS: readonly OddRequest[] = [
  smuggling("Content-Length and Transfer-Encoding", [CHUNKED, "Content-Length: 4"], chunked(GOOD) + HIDDEN),
  smuggling("Transfer-Encoding and Content-Length", ["Content-Length: 4", CHUNKED], chunked(GOOD) + HIDDEN),
  smuggling("two lengths that differ", ["Content-Length: 4", `Content-Length: ${GOOD.length}`], GOOD + HIDDEN),
  smuggling("a list of lengths", [`Content-Length: ${GOOD.length}, 4`], GOOD + HIDDEN),
  ...["-1", "+10", "0x10", "1e2", "1 0", "10;", "ten", "99999999999999999999999", '"10"', "1_0", "\u0661"].map(
    (length) => smuggling(`Content-Length ${length}`, [`Content-Length: ${length}`], GOOD),
  ),
  ...[
    "identity",
    "gzip",
    "chunked, identity",
    "chunked, gzip",
    "xchunked",
    "chunkedx",
    "chunked;q=1",
    "\u000bchunked",
  ].map((coding) =>
    smuggling(`Transfer-Encoding ${coding}`, [`Transfer-Encoding: ${coding}`], chunked(GOOD), withoutLength),
  ),
  smuggling(
    "Transfer-Encoding twice, the second unknown",
    [CHUNKED, "Transfer-Encoding: x"],
    chunked(GOOD),
    withoutLength,
  ),
  smuggling(
    "Transfer-Encoding before a colon with a space",
    ["Transfer-Encoding : chunked"],
    chunked(GOOD),
    withoutLength,
  ),
  smuggling("Content-Length before a colon with a space", [`Content-Length : ${GOOD.length}`], GOOD, withoutLength),
  smuggling("a folded Transfer-Encoding", ["Transfer-Encoding:\r\n chunked"], chunked(GOOD), withoutLength),
  malformed("Transfer-Encoding in HTTP/1.0 (RFC 9112 section 6.1)", {
    version: "HTTP/1.0",
    headers: [CHUNKED],
    body: chunked(GOOD),
    without: withoutLength,
  }),
  malformed("Transfer-Encoding gzip, chunked, which only a decoder could read", {
    headers: ["Transfer-Encoding: gzip, chunked"],
    body: chunked(GOOD),
    without: withoutLength,
  }),
];

const CHUNKS: readonly OddRequest[] = [
  accepted("a chunked body", { headers: [CHUNKED], body: chunked(GOOD), without: withoutLength }),
  accepted("chunk extensions", { headers: [CHUNKED], body: chunked(GOOD, ';a=b;c="d"'), without: withoutLength }),
  refused("credentials in a trailer", 401, "invalid_client", {
    headers: [CHUNKED],
    body: chunked(GRANT, "", `${BASIC}\r\n`),
    without: withoutLength,
  }),
  accepted("Transfer-Encoding in capitals", {
    headers: ["TRANSFER-ENCODING: CHUNKED"],
    body: chunked(GOOD),
    without: withoutLength,
  }),
  ...["zz", "-1", "0x10", "FFFFFFFFFFFFFFFFF", "", " 5"].map((size) =>
    smuggling(`chunk size ${JSON.stringify(size)}`, [CHUNKED], `${size}\r\n${GOOD}\r\n0\r\n\r\n`, withoutLength),
  ),
  smuggling("a chunk longer than its size", [CHUNKED], `4\r\n${GOOD}\r\n0\r\n\r\n`, withoutLength),
  smuggling(
    "a chunk that ends in a newline alone",
    [CHUNKED],
    `${GOOD.length.toString(16)}\n${GOOD}\n0\n\n`,
    withoutLength,
  ),
  unparsable(
    "chunk extensions of 20 kilobytes",
    bytes({ headers: [CHUNKED], body: chunked(GOOD, `;${"x".repeat(20_000)}`), without: withoutLength }),
    [400, 413],
  ),
  malformed("chunks of 300 kilobytes", {
    headers: [CHUNKED],
    body: `${(1000).toString(16)}\r\n${"x".repeat(1000)}\r\n`.repeat(300) + "0\r\n\r\n",
    without: withoutLength,
  }),
];

const LINES: readonly OddRequest[] = [
  unparsable("no Host", bytes({ without: ["host"] })),
  unparsable("two Hosts", bytes({ headers: ["Host: a.example.com", "Host: b.example.com"] })),
  unparsable("a folded header", bytes({ headers: ["X-Folded: a\r\n b"] })),
  unparsable("a header without a colon", bytes({ headers: ["NoColon"] })),
  unparsable("a header without a name", bytes({ headers: [": value"] })),
  unparsable("a header name with a space", bytes({ headers: ["X Y: value"] })),
  unparsable("a header name with a bracket", bytes({ headers: ["X(Y): value"] })),
  unparsable("a header name beyond ASCII", bytes({ headers: ["X-\u00e9: value"] })),
  unparsable("a NUL in a header", bytes({ headers: ["X-Nul: a\0b"] })),
  unparsable("a carriage return in a header", bytes({ headers: ["X-Cr: a\rb"] })),
  unparsable("lines that end in a newline alone", bytes().toString("latin1").replaceAll("\r\n", "\n")),
  unparsable("a line of nothing but a colon in front", `:\r\n${bytes().toString("latin1")}`),
  unparsable("a header before the request line", `Host: a\r\n${bytes().toString("latin1")}`),
  unparsable("a header field of ten megabytes", bytes({ headers: [`X-Long: ${"x".repeat(10_000_000)}`] }), [431]),
  unparsable("header fields of 40 kilobytes", bytes({ headers: [`X-Long: ${"x".repeat(40_000)}`] }), [431]),
  unparsable(
    "a thousand header fields",
    bytes({ headers: Array<string>(1000).fill(`X-Many: ${"x".repeat(40)}`) }),
    [431],
  ),
  unparsable("HTTP/0.9", "GET /v1/oauth/tokens\r\n\r\n"),
  unparsable("HTTP/2.0 in words", bytes({ version: "HTTP/2.0" }), [400, 505]),
  unparsable("HTTP/3.0", bytes({ version: "HTTP/3.0" }), [400, 505]),
  unparsable("HTTP/1.9", bytes({ version: "HTTP/1.9" }), [400, 505]),
  unparsable("http/1.1 in lower case", bytes({ version: "http/1.1" })),
  unparsable("another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n"),
  unparsable("a TLS handshake", Buffer.from("16030100a5010000a10303", "hex")),
  unparsable("binary noise", Buffer.from(Array.from({ length: 512 }, (_, at) => (at * 167 + 13) & 255))),
  unparsable("half a connection preface, then HTTP/1.1", `PRI * HTTP/2.0\r\n\r\n${bytes().toString("latin1")}`),
  accepted("HTTP/1.0", { version: "HTTP/1.0" }),
  accepted("HTTP/1.0 without Host", { version: "HTTP/1.0", without: ["host"] }),
  {
    ...accepted("empty lines before the request line", {}),
    sending: { pieces: [Buffer.concat([Buffer.from("\r\n\r\n"), bytes()])] },
  },
];

const DEFLATED = gzipSync(GOOD);
const CODINGS: readonly OddRequest[] = [
  ...["gzip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "identity, gzip", "unknown", "GZIP"].map((coding) =>
    malformed(`Content-Encoding ${coding}`, { headers: [`Content-Encoding: ${coding}`], body: DEFLATED }),
  ),
  malformed("Content-Encoding gzip of a plain body", { headers: ["Content-Encoding: gzip"] }),
  malformed("Content-Encoding gzip of ten megabytes", {
    headers: ["Content-Encoding: gzip"],
    body: gzipSync(Buffer.alloc(10_000_000, "a")),
  }),
  accepted("Content-Encoding identity", { headers: ["Content-Encoding: identity"] }),
  accepted("an empty Content-Encoding", { headers: ["Content-Encoding:"] }),
  malformed("a compressed body that does not say so", { body: DEFLATED }),
];

/** Requests in pieces, several on a connection, and ends that come too early. */
const PIECES: readonly OddRequest[] = [
  {
    name: "two requests at once",
    sending: { pieces: [Buffer.concat([bytes({ headers: ["Connection: keep-alive"] }), bytes()])] },
    status: [200],
    answers: 2,
    oauth: true,
  },
  {
    name: "a good request and a bad one behind it",
    sending: {
      pieces: [Buffer.concat([bytes({ headers: ["Connection: keep-alive"] }), bytes({ body: "grant_type=x" })])],
    },
    status: [400],
    error: "unsupported_grant_type",
    answers: 2,
    oauth: true,
  },
  {
    name: "a good request and noise behind it",
    sending: { pieces: [Buffer.concat([bytes({ headers: ["Connection: keep-alive"] }), Buffer.from("\0\0\r\n\r\n")])] },
    status: [400],
    error: "invalid_request",
    answers: 2,
    oauth: true,
  },
  accepted("a request hidden behind one that ends the connection", {
    headers: [CHUNKED],
    body: chunked(GOOD) + HIDDEN,
    without: withoutLength,
  }),
  {
    ...accepted("a body that comes byte by byte", {}),
    sending: { pieces: bytes().toString("latin1").split(""), patienceMs: 4000 },
  },
  { ...accepted("a body after a pause", {}), sending: { pieces: split(bytes(), -20), pauseMs: 300 } },
  { ...accepted("the first letter alone, then the rest", {}), sending: { pieces: split(bytes(), 1), pauseMs: 100 } },
  {
    name: "a body that ends too early",
    sending: { pieces: [bytes({ headers: ["Content-Length: 500"] })], end: true },
    status: ["none", 400],
    error: "invalid_request",
    oauth: true,
  },
  {
    name: "a head that ends too early",
    sending: { pieces: ["POST /v1/oauth/tokens HTTP/1.1\r\nHost: a\r\n"], end: true },
    status: ["none", 400],
    error: "invalid_request",
    oauth: true,
  },
  { name: "nothing at all", sending: { pieces: [""], end: true }, status: ["none"], oauth: false },
  {
    // One answer, for the request or for what follows it; never two.
    name: "a body longer than its length",
    sending: { pieces: [bytes({ headers: [`Content-Length: ${GOOD.length}`], body: `${GOOD}&scope=unknown` })] },
    status: [200, 400],
    oauth: true,
  },
  {
    ...refused("a body shorter than it is, and another request behind it", 400, "invalid_request", {}),
    sending: { pieces: [bytes({ headers: ["Content-Length: 0"], body: GOOD })] },
    answers: 1,
  },
  malformed("a body of 300 kilobytes", { body: `${GOOD}&x=${"x".repeat(300_000)}` }),
  {
    ...malformed("a length of 300 kilobytes, refused before it comes", {}),
    sending: { pieces: [bytes({ headers: ["Content-Length: 300000"], body: "" })] },
  },
  {
    ...malformed("a length of nine terabytes", {}),
    sending: { pieces: [bytes({ headers: ["Content-Length: 9000000000000"], body: "" })] },
  },
  accepted("a body of 255 kilobytes", { body: `${GOOD}&x=${"x".repeat(255_000)}` }),
  malformed("no body", { body: "" }),
  malformed("no body, no length and no type", { body: "", without: ["content-length", "content-type"] }),
  malformed("no length", { body: GOOD, without: withoutLength }),
  malformed("a body of spaces", { body: "   " }),
  malformed("a type of another endpoint", { headers: [`Content-Type: ${FORM}x`] }),
];

function split(whole: Buffer, at: number): Buffer[] {
  return [whole.subarray(0, at), whole.subarray(at)];
}

export const FRAMING: readonly OddRequest[] = [...CONFLICTS, ...CHUNKS, ...LINES, ...CODINGS, ...PIECES];
