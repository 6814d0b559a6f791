/** HTTP/2 byte by byte (RFC 9113 section 4.1), with HPACK that compresses nothing: for connections that break its rules. */
import { Buffer } from "node:buffer";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export type Field = readonly [name: string, value: string];

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ""): Buffer {
  const content = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
}

/** A literal field without indexing (RFC 7541 section 6.2.2), whatever its characters. */
export function literal([name, value]: Field): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(literal));
}

function text(value: string): Buffer {
  const content = Buffer.from(value, "latin1");
  const length: number[] = content.length < 127 ? [content.length] : [127];
  for (let left = content.length - 127; left >= 0; left = left < 128 ? -1 : left >> 7) {
    length.push(left < 128 ? left : (left & 127) | 128);
  }
  return Buffer.concat([Buffer.from(length), content]);
}
