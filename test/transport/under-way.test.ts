/** All requests that are under way, bounded together: who gives way when there is no room, and what is cut when late. */
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import type { ServerHttp2Stream } from "node:http2";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readBody, type Body } from "../../src/transport/body.js";
import { UnderWay } from "../../src/transport/under-way.js";

const KIB = 1024;
const LEAST = 8 * KIB;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What stands for a stream: it can be closed, and says with which code. */
class FakeStream extends EventEmitter {
  destroyed = false;
  readonly session = undefined;
  code: number | undefined;

  close(code: number): void {
    this.code = code;
    this.leave();
  }

  leave(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

function setUp(maxBytes: number) {
  const underWay = new UnderWay({ maxBytes, halfMs: 4000, collector: { young() {}, all() {} } });
  const open = (headers: Record<string, string> = {}) => {
    const stream = new FakeStream();
    const arrival = { headers, rawHeaders: [], peerAddress: undefined };
    return { stream, exchange: underWay.begin(arrival, stream as unknown as ServerHttp2Stream) };
  };
  /** Begins to read a body; what was made of it is in `bodies`. */
  const read = (admits = true) => {
    const opened = open();
    const source = new Readable({ read() {} });
    const bodies: Body[] = [];
    const limits = { maxBytes: 256 * KIB, underWay, admits: () => admits };
    readBody(source, opened.exchange, limits, (body) => void bodies.push(body));
    const send = async (bytes: number) => {
      source.push(Buffer.alloc(bytes, "a"));
      await Promise.resolve();
      source.read(0);
      await new Promise<void>((resolve) => process.nextTick(resolve));
    };
    return { ...opened, source, bodies, send };
  };
  return { underWay, open, read };
}

const ENHANCE_YOUR_CALM = 11;
const CANCEL = 8;

// SECURITY.md: "Everything is bounded".
describe("room", () => {
  test("is given back by whatever ends, answered or not", () => {
    const { underWay, open } = setUp(100 * KIB);
    const { stream, exchange } = open();
    exchange.hold(50 * KIB);
    expect(underWay.bytes).toBe(LEAST + 50 * KIB);
    stream.leave();
    expect(underWay.bytes).toBe(0);
  });

  test("is made by the oldest that holds at least the average, not by the one that came last, nor by a small one", () => {
    const { underWay, open } = setUp(200 * KIB);
    const small = open();
    const [oldest, middle, last] = [open(), open(), open()];
    for (const { exchange } of [oldest, middle]) exchange.hold(80 * KIB);
    last.exchange.hold(30 * KIB);
    expect(oldest.stream.code).toBe(ENHANCE_YOUR_CALM);
    expect([small, middle, last].map(({ stream }) => stream.code)).toEqual([undefined, undefined, undefined]);
    expect(underWay.gaveWay).toBe(1);
    expect(underWay.bytes).toBeLessThanOrEqual(200 * KIB);
  });

  test("is made by an answer where the body is still being collected, and by a reset if that does not help", async () => {
    const { read, open } = setUp(110 * KIB);
    const collecting = read();
    await collecting.send(80 * KIB);
    open().exchange.hold(40 * KIB);
    expect(collecting.bodies).toEqual(["no_room"]);
    expect(collecting.stream.code).toBeUndefined();
    await collecting.send(80 * KIB);
    expect(collecting.exchange.bytes).toBe(LEAST);
  });

  test("for many streams that hold nothing is bounded too", () => {
    const { open } = setUp(10 * LEAST);
    const streams = Array.from({ length: 30 }, () => open().stream);
    expect(streams.filter(({ code }) => code === ENHANCE_YOUR_CALM)).toHaveLength(20);
    expect(streams.slice(-10).every(({ code }) => code === undefined)).toBe(true);
  });

  test("is not made by an authenticated follower, however old", () => {
    const { open } = setUp(10 * LEAST);
    const follower = open();
    follower.exchange.exempt();
    for (let more = 0; more < 30; more++) open();
    expect(follower.stream.code).toBeUndefined();
  });
});

describe("a body", () => {
  test("is whole however it is cut into pieces, and counts for what it keeps alive", async () => {
    const { read, underWay } = setUp(1000 * KIB);
    const { source, bodies } = read();
    const sent = Buffer.from(Array.from({ length: 9000 }, (_, at) => at % 251));
    for (let at = 0; at < sent.length; at += 77) source.push(sent.subarray(at, at + 77));
    source.push(null);
    await vi.waitFor(() => expect(bodies).toHaveLength(1));
    expect(Buffer.compare(bodies[0] as Buffer, sent)).toBe(0);
    expect(underWay.bytes).toBeGreaterThanOrEqual(LEAST + sent.length);
  });

  test("is not collected where there is no room for its request", async () => {
    const { read, underWay } = setUp(1000 * KIB);
    const { bodies, send } = read(false);
    expect(bodies).toEqual(["no_room"]);
    await send(100 * KIB);
    expect(underWay.bytes).toBe(LEAST);
  });

  test("that is too large is dropped at once", async () => {
    const { read, underWay } = setUp(1000 * KIB);
    const { bodies, send } = read();
    await send(200 * KIB);
    await send(100 * KIB);
    expect(bodies).toEqual(["too_large"]);
    expect(underWay.bytes).toBe(LEAST);
  });
});

describe("the clock", () => {
  test("cuts a request that does not arrive, and one whose answer is not taken", () => {
    const { open, underWay } = setUp(1000 * KIB);
    const [absent, unread] = [open(), open()];
    vi.advanceTimersByTime(3000);
    underWay.arrived(unread.exchange);
    vi.advanceTimersByTime(3000);
    expect([absent.stream.code, unread.stream.code]).toEqual([CANCEL, undefined]);
    vi.advanceTimersByTime(3000);
    expect(unread.stream.code).toBe(CANCEL);
    expect(underWay.bytes).toBe(0);
  });

  test("does not run for streams without an end", () => {
    const { open } = setUp(1000 * KIB);
    const { stream, exchange } = open();
    exchange.beganAt = undefined;
    vi.advanceTimersByTime(60_000);
    expect(stream.code).toBeUndefined();
  });
});
