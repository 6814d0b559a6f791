/** One port for both HTTP versions, and nobody can hold it by being slow. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withHttp2Load } from "./support/http2-load.js";
import { startServer, type TestServer } from "./support/fake-core.js";
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  HEADERS,
  headersFrame,
  parseFrames,
  SETTINGS,
} from "./support/raw-http2.js";
import { requestHttp2 } from "./support/token-callers.js";
import { eventually } from "../support/eventually.js";
import { fairNow } from "../support/fair-time.js";

const TIMEOUTS = { sniffMs: 300, headersMs: 300, requestMs: 600 };
let running: TestServer;
let patient: TestServer;
beforeAll(async () => {
  running = await startServer({ timeouts: TIMEOUTS });
  patient = await startServer();
});
afterAll(async () => {
  await running.server.close();
  await patient.server.close();
});

interface Talk {
  readonly to?: TestServer;
  /** Absent: all bytes are sent at once. */
  readonly gapMs?: number;
  /** How many bytes are enough of an answer; absent: all that come until the server closes the connection. */
  readonly enoughBytes?: number;
}

/** Sends bytes; says what came back, and when the server closed the connection. */
async function talk(bytes: Buffer, { to = running, gapMs, enoughBytes = Infinity }: Talk = {}) {
  const started = fairNow();
  const socket = connect({ port: to.port, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  socket.on("error", () => {});
  const enough = new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (Buffer.concat(chunks).length >= enoughBytes) resolve();
    });
  });
  const closed = new Promise<number>((resolve) => socket.on("close", () => resolve(fairNow() - started)));
  if (gapMs === undefined) socket.write(bytes);
  else {
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await sleep(gapMs);
    }
  }
  const closedAfterMs = await Promise.race([closed, enough]);
  socket.destroy();
  return { bytes: Buffer.concat(chunks), text: Buffer.concat(chunks).toString("latin1"), closedAfterMs };
}

const GET = Buffer.from("GET /errors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
const PREFACE_ONLY = PREFACE.subarray(0, 24);
const WATCH = Buffer.concat([
  headersFrame(
    1,
    Object.entries({
      ":method": "POST",
      ":scheme": "http",
      ":authority": "x",
      ":path": "/grpc.health.v1.Health/Watch",
      "content-type": "application/grpc",
      te: "trailers",
    }),
    END_HEADERS,
  ),
  frame(DATA, END_STREAM, 1, Buffer.alloc(5)),
]);

describe("the port", () => {
  test("speaks HTTP/1.1 to a request that comes byte by byte", async () => {
    expect((await talk(GET, { to: patient, gapMs: 1 })).text).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("speaks HTTP/1.1 to a method that begins like the preface of HTTP/2", async () => {
    const put = Buffer.from("PUT /errors HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    expect((await talk(put, { to: patient, gapMs: 1 })).text).toMatch(/^HTTP\/1\.1 405 /);
  });

  test.each([undefined, 1])("speaks HTTP/2 to its preface (gap between bytes: %s ms)", async (gapMs) => {
    const { bytes } = await talk(PREFACE, { to: patient, enoughBytes: 4, ...(gapMs !== undefined && { gapMs }) });
    expect(bytes[3]).toBe(SETTINGS);
  });

  test("keeps a connection for the next request", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ports = [];
    for (let at = 0; at < 3; at++) {
      const request = http.get(`${running.url}/errors`, { agent });
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      ports.push(response.socket.localPort);
      response.resume();
      await once(response, "end");
    }
    agent.destroy();
    expect(new Set(ports).size).toBe(1);
  });

  test("takes many streams on one connection", async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => requestHttp2(running.url, { headers: { ":path": "/errors" } })),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal)?.address;

  // Without a network there is no address of this machine that is not loopback.
  test.skipIf(outside === undefined)(
    "drops connections over the limit of one address, but for loopback's",
    async () => {
      await using small = await startServer({
        listen: { host: "0.0.0.0", port: 0 },
        limits: { maxConnections: 100, connectionsPerAddress: 2, maxInFlight: 10 },
      });
      const open = async (host: string) => {
        const socket = connect(small.port, host).on("error", () => {});
        await once(socket, "connect");
        socket.write("GET /errors HTTP/1.1\r\nHost: x\r\n\r\n");
        const [answer] = await Promise.race([once(socket, "data"), once(socket, "close")]);
        return { socket, isServed: answer instanceof Buffer };
      };
      const callers = [];
      for (let at = 0; at < 4; at++) callers.push(await open(outside ?? ""), await open("127.0.0.1"));
      expect(callers.map(({ isServed }) => isServed)).toEqual([true, true, true, true, false, true, false, true]);
      callers[0]?.socket.destroy();
      await eventually("its place is another's", async () => {
        const { socket, isServed } = await open(outside ?? "");
        callers.push({ socket, isServed });
        return isServed;
      });
      for (const { socket } of callers) socket.destroy();
    },
  );

  test("drops connections over the limit", async () => {
    await using small = await startServer({
      limits: { maxConnections: 1, connectionsPerAddress: 1000, maxInFlight: 10 },
    });
    const first = connect(small.port, "127.0.0.1");
    await once(first, "connect");
    const second = connect(small.port, "127.0.0.1");
    second.on("error", () => {});
    await once(second, "close");
    first.destroy();
  });
});

// SECURITY.md: "Everything is bounded".
describe.concurrent("a slow peer is cut", () => {
  const within = (ms: number | void) => {
    expect(ms).toBeGreaterThan(200);
    expect(ms).toBeLessThan(2500);
  };

  test("that sends nothing", async () => within((await talk(Buffer.alloc(0))).closedAfterMs));
  test("that stops in the middle of the preface", async () =>
    within((await talk(PREFACE.subarray(0, 9))).closedAfterMs));

  test("that stops in the middle of its header: 408", async () => {
    const { text, closedAfterMs } = await talk(Buffer.from("POST / HTTP/1.1\r\nHost: x\r\n"));
    within(closedAfterMs);
    expect(text).toMatch(/^HTTP\/1\.1 408 [^]*invalid_request/);
  });

  test("that stops in the middle of its body: 408", async () => {
    const head = "POST /v1/oauth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
    const { text, closedAfterMs } = await talk(Buffer.from(`${head}ab`));
    within(closedAfterMs);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("that sends its header byte by byte for ever", async () => {
    const { closedAfterMs } = await talk(Buffer.from(`GET / HTTP/1.1\r\nX: ${"a".repeat(60)}`), { gapMs: 20 });
    expect(closedAfterMs).toBeLessThan(2500);
  });

  test("that stops in the middle of a body over HTTP/2: its stream alone", async () => {
    const session = http2.connect(running.url);
    const stream = session.request({ ":method": "POST", ":path": "/v1/oauth/tokens" });
    stream.on("error", () => {});
    stream.write("grant_");
    await once(stream, "close");
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
    expect(session.closed).toBe(false);
    session.close();
  });
});

describe("a header of 10 MB", () => {
  const LONG = "x".repeat(10 * 1024 * 1024);
  const isServed = async () => expect((await talk(GET)).text).toMatch(/^HTTP\/1\.1 200 /);

  test("over HTTP/1.1 ends its connection after the first 32 KiB, and the next caller is served", async () => {
    const { closedAfterMs } = await talk(Buffer.from(`POST / HTTP/1.1\r\nHost: x\r\nX-Long: ${LONG}\r\n\r\n`));
    expect(closedAfterMs).toBeLessThan(2500);
    await isServed();
  });

  test("over HTTP/2 gets no answer from the core, and the next caller is served", async () => {
    const seen = running.seen.tokens.length;
    const session = http2.connect(running.url, { maxSendHeaderBlockLength: 2 * LONG.length });
    session.on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": "/v1/oauth/tokens", "x-long": LONG });
    const failed = new Promise((resolve) => stream.once("error", resolve));
    stream.end("grant_type=client_credentials");
    expect(await failed).toBeInstanceOf(Error);
    session.destroy();
    expect(running.seen.tokens).toHaveLength(seen);
    await isServed();
  });
});

describe("a body that is too large", () => {
  test("is answered while it is still being sent, and its sender sees the answer", async () => {
    const head = "POST /v1/oauth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 800000\r\n\r\n";
    const { text } = await talk(Buffer.concat([Buffer.from(head), Buffer.alloc(800_000, "a")]));
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*larger than/);
  });

  test("cannot hold the connection by going on for ever", async () => {
    const head = "POST /v1/oauth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\n";
    const { closedAfterMs } = await talk(Buffer.concat([Buffer.from(head), Buffer.alloc(5_000_000, "a")]));
    expect(closedAfterMs).toBeLessThan(2500);
  });
});

describe("a connection that has reached its age", () => {
  test("is closed after the next answer (HTTP/1.1)", async () => {
    let now = 0;
    await using aging = await startServer({
      clock: () => now,
      http: { ...defaults, maxConnectionAgeMs: 1000 },
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = async () => {
      const request = http.get(`${aging.url}/errors`, { agent });
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      response.resume();
      await once(response, "end");
      return response.headers.connection;
    };
    expect(await get()).toBe("keep-alive");
    now = 1200;
    expect(await get()).toBe("close");
    expect(await get()).toBe("keep-alive");
    agent.destroy();
  });

  test("is told GOAWAY without an error, and ends with its last stream (HTTP/2)", async () => {
    let now = 0;
    await using aging = await startServer({ clock: () => now, http: { ...defaults, maxConnectionAgeMs: 1000 } });
    const session = http2.connect(aging.url);
    session.request({ ":path": "/errors" }).resume();
    await once(session, "localSettings");
    const goaways: [number, number][] = [];
    session.on("goaway", (code, last) => goaways.push([code, last]));
    now = 1200;
    await once(session, "close");
    expect(goaways.every(([code]) => code === http2.constants.NGHTTP2_NO_ERROR)).toBe(true);
  });

  test("is cut a grace after GOAWAY, whatever is still open on it (HTTP/2)", async () => {
    let now = 0;
    await using aging = await startServer({
      clock: () => now,
      http: { ...defaults, maxConnectionAgeMs: 1000 },
      timeouts: { headersMs: 300, requestMs: 300, lingerMs: 50 },
    });
    const socket = connect(aging.port, "127.0.0.1").on("error", () => {});
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    const types = () => parseFrames(Buffer.concat(chunks)).map(({ type }) => type);
    // A watch has no end, and in a window of no bytes not even its first event can be sent.
    socket.write(Buffer.concat([PREFACE_ONLY, frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])), WATCH]));
    await eventually("the call has begun", () => types().includes(HEADERS));
    now = 1200;
    await once(socket, "close");
    expect(types()).toContain(GOAWAY);
  });

  test("loses no stream for it, however busy it is (HTTP/2)", async () => {
    let now = 0;
    await using aging = await startServer({ clock: () => now, http: { ...defaults, maxConnectionAgeMs: 1000 } });
    const outcomes = await withHttp2Load(aging.url, async () => (now = 1200));
    expect(new Set(outcomes)).toEqual(new Set([200]));
  });
});

const defaults = { tokenPaths: [], trustedProxies: [], corsOrigins: [], tls: undefined, reflection: false };
