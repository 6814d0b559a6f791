/** HTTP/2 by hand, for what Node's own client refuses to send: frames with plain HPACK literals (RFC 7541 section 6.2.2). */
export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const CONTINUATION = 9;

export const END_STREAM = 1;
export const END_HEADERS = 4;

/** One frame (RFC 9113 section 4.1). */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

type Fields = readonly (readonly [string, string])[];

/** A frame's bytes. */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The whole frames in what was received. */
export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 9 <= bytes.length;) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

/** What a client sends first: the preface and empty settings. */
export const http2Preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(SETTINGS, 0, 0, Buffer.alloc(0)),
]);

/** A request without a body. */
export function headersFrame(stream: number, fields: Fields, flags = END_HEADERS | END_STREAM): Buffer {
  return frame(HEADERS, flags, stream, Buffer.concat(fields.map(([name, value]) => literal(name, value))));
}

/** A connection's first bytes with one request on stream 1. */
export function http2Request(fields: Fields, body: string): Buffer {
  return Buffer.concat([
    http2Preface,
    headersFrame(1, fields, END_HEADERS),
    frame(DATA, END_STREAM, 1, Buffer.from(body)),
  ]);
}

/** A field as HPACK spells it without tables. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > 126) throw new Error("longer than one length byte can say");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
