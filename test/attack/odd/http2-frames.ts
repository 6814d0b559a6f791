/** HTTP/2 connections that break RFC 9113: each is one whole connection's bytes, and none may be answered with 200. */
import { Buffer } from "node:buffer";
import { block, type Field, FLAG, frame, literal, PREFACE, TYPE } from "../../support/http2-bytes.js";
import { BASIC as BASIC_LINE, GOOD, GRANT } from "./odd-request.js";

const BASIC = BASIC_LINE.replace("Authorization: ", "");

/** A connection from its first byte. */
export interface OddConnection {
  readonly name: string;
  readonly bytes: Buffer;
}

const { data: DATA, headers: HEADERS, priority: PRIORITY, rstStream: RST_STREAM, settings: SETTINGS } = TYPE;
const { pushPromise: PUSH_PROMISE, ping: PING, windowUpdate: WINDOW_UPDATE, continuation: CONTINUATION } = TYPE;
const { endStream: END_STREAM, endHeaders: END_HEADERS } = FLAG;

const REQUEST: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/v1/oauth/tokens"],
  [":authority", "tokens.example.com"],
  ["content-type", "application/x-www-form-urlencoded"],
];

const OPENING = Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]);

/** A connection with frames of any kind. */
function frames(name: string, ...all: readonly Buffer[]): OddConnection {
  return { name, bytes: Buffer.concat([OPENING, ...all]) };
}

/** A connection with one request, which would be good with the right fields. */
function request(name: string, fields: readonly Field[], body: string = GOOD): OddConnection {
  return frames(name, frame(HEADERS, END_HEADERS, 1, block(fields)), frame(DATA, END_STREAM, 1, body));
}

function without(pseudo: string): readonly Field[] {
  return REQUEST.filter(([name]) => name !== pseudo);
}

const good = frame(HEADERS, END_HEADERS, 1, block(REQUEST));

/** A good request: what the odd ones differ from. */
export const HONEST = request("an honest request", REQUEST);

export const ODD_CONNECTIONS: readonly OddConnection[] = [
  request("no :method", without(":method")),
  request("no :path", without(":path")),
  request("no :scheme", without(":scheme")),
  request("an empty :path", [...without(":path"), [":path", ""]]),
  request("a :path without a slash", [...without(":path"), [":path", "v1/oauth/tokens"]]),
  request("a :path with a space", [...without(":path"), [":path", "/v1/oauth/tokens x"]]),
  request("a :path with a NUL", [...without(":path"), [":path", "/v1/oauth/tokens\0"]]),
  request("two :path", [[":path", "/v1/oauth/revoke"], ...REQUEST]),
  request("two :method", [[":method", "GET"], ...REQUEST]),
  request("two :authority", [[":authority", "evil.example"], ...REQUEST]),
  request("a pseudo-header that nobody knows", [[":token", "x"], ...REQUEST]),
  request("a pseudo-header of answers", [[":status", "200"], ...REQUEST]),
  request("a pseudo-header behind the others", [...without(":path"), [":path", "/v1/oauth/tokens"]]),
  request(":method in lower case", [[":method", "post"], ...without(":method")]),
  request(":method with a space", [[":method", "POST /"], ...without(":method")]),
  request("a name in capitals", [...REQUEST, ["Authorization", "Basic x"]]),
  // Node drops a field that may not be, and lets the rest through: what it held must not come alive.
  request("credentials under an empty name", [...REQUEST, ["", BASIC]], GRANT),
  request("credentials under a name with a space", [...REQUEST, ["authorization ", BASIC]], GRANT),
  request("credentials under a name with a colon", [...REQUEST, ["x:authorization", BASIC]], GRANT),
  request("credentials behind a NUL", [...REQUEST, ["authorization", `\0${BASIC}`]], GRANT),
  request("credentials behind a newline", [...REQUEST, ["x", `a\nauthorization: ${BASIC}`]], GRANT),
  request("credentials behind a carriage return", [...REQUEST, ["x", `a\r\nauthorization: ${BASIC}`]], GRANT),
  request("connection", [...REQUEST, ["connection", "close"]]),
  request("transfer-encoding", [...REQUEST, ["transfer-encoding", "chunked"]]),
  request("upgrade", [...REQUEST, ["upgrade", "websocket"]]),
  request("keep-alive", [...REQUEST, ["keep-alive", "timeout=5"]]),
  request("proxy-connection", [...REQUEST, ["proxy-connection", "close"]]),
  request("te other than trailers", [...REQUEST, ["te", "gzip"]]),
  request("a content-length that is too long", [...REQUEST, ["content-length", String(GOOD.length + 1)]]),
  request("a content-length that is too short", [...REQUEST, ["content-length", "4"]]),
  request("a content-length that is no number", [...REQUEST, ["content-length", "ten"]]),
  request("two content-lengths", [...REQUEST, ["content-length", "4"], ["content-length", String(GOOD.length)]]),
  request(
    "header fields of 60 kilobytes",
    [...REQUEST, ["x", "y".repeat(60_000)]].slice(0, 5) as Field[],
    "grant_type=x",
  ),
  request("two authorization headers", [...REQUEST, ["authorization", "Basic x"], ["authorization", "Basic y"]]),
  frames("a header block of noise", frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.alloc(64, 0xff))),
  frames("an index beyond the table", frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.of(0xff, 0xff, 0x7f))),
  frames("data before headers", frame(DATA, END_STREAM, 1, GOOD)),
  frames("data on stream 0", frame(DATA, END_STREAM, 0, GOOD)),
  frames("headers on stream 0", frame(HEADERS, END_HEADERS, 0, block(REQUEST))),
  frames("headers on an even stream", frame(HEADERS, END_HEADERS | END_STREAM, 2, block(REQUEST))),
  frames("a stream that goes back", frame(HEADERS, END_HEADERS, 5, block(REQUEST)), good),
  frames("a push", frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([Buffer.of(0, 0, 0, 2), block(REQUEST)]))),
  frames("continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, block(REQUEST))),
  frames("data inside a header block", frame(HEADERS, 0, 1, block(REQUEST)), frame(DATA, END_STREAM, 1, GOOD)),
  frames(
    "a header block that never ends",
    frame(HEADERS, 0, 1, block(REQUEST)),
    ...Array.from({ length: 200 }, () => frame(CONTINUATION, 0, 1, literal(["x", "y".repeat(1000)]))),
  ),
  frames("settings of five bytes", frame(SETTINGS, 0, 0, Buffer.alloc(5))),
  frames("settings on a stream", frame(SETTINGS, 0, 1)),
  frames("settings with a frame size of 1", frame(SETTINGS, 0, 0, Buffer.of(0, 5, 0, 0, 0, 1))),
  frames("settings with a window beyond 2^31", frame(SETTINGS, 0, 0, Buffer.of(0, 4, 255, 255, 255, 255))),
  frames("a ping of seven bytes", frame(PING, 0, 0, Buffer.alloc(7))),
  frames("a window update of zero", frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(4))),
  frames("a window beyond 2^31", frame(WINDOW_UPDATE, 0, 0, Buffer.of(127, 255, 255, 255))),
  frames("a reset of a stream that is not", frame(RST_STREAM, 0, 9, Buffer.alloc(4))),
  frames("a priority of itself", frame(PRIORITY, 0, 0, Buffer.alloc(5))),
  frames("a frame longer than is allowed", frame(DATA, 0, 1, Buffer.alloc(70_000))),
  frames("a frame of an unknown kind, then nothing", frame(0x7f, 0xff, 1, Buffer.alloc(16))),
  frames(
    "padding longer than its frame",
    good,
    frame(DATA, END_STREAM | 8, 1, Buffer.concat([Buffer.of(255), Buffer.from("x")])),
  ),
  frames(
    "streams opened and reset a thousand times",
    ...Array.from({ length: 1000 }, (_, at) => [
      frame(HEADERS, END_HEADERS, 2 * at + 1, block(REQUEST)),
      frame(RST_STREAM, 0, 2 * at + 1, Buffer.of(0, 0, 0, 8)),
    ]).flat(),
  ),
  frames("ten thousand pings", ...Array.from({ length: 10_000 }, () => frame(PING, 0, 0, Buffer.alloc(8)))),
  { name: "a preface cut off, then noise", bytes: Buffer.concat([PREFACE.subarray(0, 20), Buffer.alloc(50, 7)]) },
  { name: "a preface without settings", bytes: Buffer.concat([PREFACE, good]) },
  { name: "two prefaces", bytes: Buffer.concat([PREFACE, PREFACE]) },
];

/** Whether an answer of status 200 is among the frames that came back: 0x88 is its one spelling in HPACK. */
export function hasAnswer200(received: Buffer): boolean {
  for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) {
    if (received.readUInt8(at + 3) !== HEADERS) continue;
    let first = at + 9;
    while ((received[first] ?? 0) >> 5 === 1) first++; // a change of the table's size stands in front
    if (received[first] === 0x88) return true;
  }
  return false;
}
