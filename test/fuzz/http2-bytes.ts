/** Connections of HTTP/2: a session as it should be, then with its frames changed, moved, doubled and left out. */
import { Buffer } from "node:buffer";
import { block, type Field, FLAG, frame, literal, PREFACE, TYPE } from "../support/http2-bytes.js";
import { mutate } from "./mutate.js";
import type { Random } from "./random.js";
import { ask } from "./rpc-bodies.js";

const WINDOWS = [0, 1, 16_384, 65_535, 0x7fffffff, 0xffffffff] as const;
const ERROR_CODES = [0, 1, 7, 8, 11, 13, 255] as const;

export function http2Bytes(random: Random): Buffer {
  const streams = random.several(6, (index) => stream(random, 2 * index + 1));
  const frames = interleave(random, [...streams, control(random)]);
  for (let changes = random.oneIn(2) ? random.below(4) : 0; changes > 0; changes--) changeFrames(random, frames);
  const opening = random.oneIn(30) ? [PREFACE] : [PREFACE, settings(random)];
  const bytes = Buffer.concat([...opening, ...frames]);
  return random.oneIn(4) ? Buffer.concat([PREFACE, mutate(random, bytes.subarray(PREFACE.length))]) : bytes;
}

/** The frames of one request, from its head to its end. */
function stream(random: Random, id: number): Buffer[] {
  const { method, path, fields, body } = ask(random);
  const pseudo: Field[] = [
    [":method", method],
    [":scheme", "http"],
    [":path", path],
    [":authority", "tokens.example.com"],
  ];
  if (random.oneIn(20)) pseudo.splice(random.below(4), 1);
  const all: Field[] = [...pseudo, ...fields, ...odd(random, body.length)];
  const noBody = body.length === 0 || random.oneIn(15);
  const frames = head(random, id, block(all), noBody && !random.oneIn(8));
  if (!noBody) frames.push(...data(random, id, body));
  if (random.oneIn(10)) frames.push(...head(random, id, block([["grpc-status", "0"]]), !random.oneIn(4)));
  // An abort, at any point.
  if (random.oneIn(4)) frames.splice(random.below(frames.length + 1), 0, reset(random, id));
  if (random.oneIn(8)) frames.splice(1 + random.below(frames.length), Infinity);
  return frames;
}

function odd(random: Random, length: number): Field[] {
  const lie = random.pick([length, length, 0, length + 1, 1]);
  return random.some<Field>(
    [
      ["content-length", String(lie)],
      ["connection", "close"],
      ["", "x"],
      ["X-Y", "z"],
    ],
    8,
  );
}

/** HEADERS, with or without padding, priority and CONTINUATION. */
function head(random: Random, id: number, fields: Buffer, ends: boolean): Buffer[] {
  const flags = ends ? FLAG.endStream : 0;
  const cut = random.oneIn(6) ? random.below(fields.length + 1) : fields.length;
  const isWhole = cut === fields.length && !random.oneIn(60);
  const first = dressed(random, fields.subarray(0, cut));
  const frames = [frame(TYPE.headers, flags | first.flags | (isWhole ? FLAG.endHeaders : 0), id, first.payload)];
  if (!isWhole) frames.push(frame(TYPE.continuation, FLAG.endHeaders, id, fields.subarray(cut)));
  return frames;
}

function dressed(random: Random, fields: Buffer): { readonly flags: number; readonly payload: Buffer } {
  if (random.oneIn(8)) {
    const padding = random.below(256);
    return { flags: FLAG.padded, payload: Buffer.concat([Buffer.of(padding), fields, Buffer.alloc(padding)]) };
  }
  if (!random.oneIn(8)) return { flags: 0, payload: fields };
  const priority = Buffer.concat([word(random.below(9) + (random.oneIn(2) ? 0x80000000 : 0)), Buffer.of(16)]);
  return { flags: FLAG.priority, payload: Buffer.concat([priority, fields]) };
}

function data(random: Random, id: number, body: Buffer): Buffer[] {
  const cut = random.oneIn(3) ? random.below(body.length + 1) : body.length;
  const parts = [body.subarray(0, cut), body.subarray(cut)].filter((part, index) => index === 0 || part.length > 0);
  return parts.map((part, index) => {
    const ends = index === parts.length - 1 && !random.oneIn(12) ? FLAG.endStream : 0;
    if (!random.oneIn(8)) return frame(TYPE.data, ends, id, part);
    const padding = random.below(64);
    const padded = Buffer.concat([Buffer.of(random.oneIn(6) ? 255 : padding), part, Buffer.alloc(padding)]);
    return frame(TYPE.data, ends | FLAG.padded, id, padded);
  });
}

/** Frames of the connection, or of streams that may not be there. */
function control(random: Random): Buffer[] {
  return random.several(5, () => {
    const id = random.below(15);
    switch (random.below(9)) {
      case 0:
        return settings(random);
      case 1:
        return frame(TYPE.settings, FLAG.ack, 0);
      case 2:
        return frame(TYPE.ping, random.below(2), 0, Buffer.alloc(8));
      case 3:
        return frame(TYPE.goaway, 0, 0, Buffer.concat([word(random.below(9)), word(random.pick(ERROR_CODES))]));
      case 4:
        return frame(TYPE.windowUpdate, 0, random.oneIn(2) ? 0 : id, word(random.pick(WINDOWS)));
      case 5:
        return frame(TYPE.priority, 0, id, Buffer.concat([word(random.below(15)), Buffer.of(random.below(256))]));
      case 6:
        return reset(random, id);
      case 7:
        return frame(TYPE.pushPromise, FLAG.endHeaders, id, Buffer.concat([word(2), literal([":path", "/"])]));
      default:
        return frame(random.below(256), random.below(256), id, random.bytes(random.below(24)));
    }
  });
}

function settings(random: Random): Buffer {
  const values = random.some(
    [
      [1, random.pick([0, 4096, 0xffffffff])],
      [2, random.below(3)],
      [3, random.pick([0, 1, 100])],
      [4, random.pick(WINDOWS)],
      [5, random.pick([1, 16_384, 16_777_215])],
      [6, random.pick([0, 1, 65_536])],
      [8, random.below(3)],
      [random.below(65_536), random.below(9)],
    ] as const,
    random.oneIn(2) ? 1000 : 4,
  );
  const pairs = values.map(([name, value]) => Buffer.concat([Buffer.of(name >> 8, name & 255), word(value)]));
  return frame(TYPE.settings, 0, 0, Buffer.concat(pairs));
}

function reset(random: Random, id: number): Buffer {
  return frame(TYPE.rstStream, 0, id, word(random.pick(ERROR_CODES)));
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Each list in its order, among the others. */
function interleave(random: Random, lists: readonly (readonly Buffer[])[]): Buffer[] {
  if (random.oneIn(3)) return lists.flat();
  const left = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const all: Buffer[] = [];
  while (left.length > 0) {
    const at = random.below(left.length);
    const next = left[at]?.shift();
    if (next === undefined) left.splice(at, 1);
    else all.push(next);
  }
  return all;
}

/** Moves, doubles or drops one frame, or changes its head. */
function changeFrames(random: Random, frames: Buffer[]): void {
  const at = random.below(frames.length);
  const chosen = frames[at];
  if (chosen === undefined) return;
  const copy = Buffer.from(chosen);
  switch (random.below(5)) {
    case 0:
      frames.splice(at, 1);
      break;
    case 1:
      frames.splice(random.below(frames.length), 0, copy);
      break;
    case 2:
      frames.splice(random.below(frames.length), 0, ...frames.splice(at, 1));
      break;
    default:
      copy.writeUInt8(random.below(256), random.pick([0, 2, 2, 3, 4, 4, 4, 8, 8]));
      frames[at] = copy;
  }
}
