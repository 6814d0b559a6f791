/** Several requests on one connection, sent before any answer: each whole one gets its own answer, then what is wrong gets its refusal. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchangeRaw, type RawExchange } from "../support/raw-http.js";
import { startServer, tokenRequest, type TestServer } from "./support/fake-core.js";

let running: TestServer;
beforeAll(async () => {
  running = await startServer({ timeouts: { headersMs: 1000, requestMs: 1000 } });
});
afterAll(() => running.server.close());

const GARBAGE = "\x16\x03\x01 this is no HTTP\r\n\r\n";
const good = (scope: string, headers = "") => tokenRequest({ scope }, headers);
const chunked = (scope: string, body: string) =>
  good(scope)
    .replace(/Content-Length.*\r\n/, "Transfer-Encoding: chunked\r\n")
    .replace(/\r\n\r\n[^]*$/, `\r\n\r\n${body}`);

/** The status of each answer, with the scope of a token. */
function summary({ answers }: RawExchange): readonly string[] {
  return answers.map(({ status, body }) =>
    status === 200 ? `200 ${/"scope":"(\w+)"/.exec(body)?.[1]}` : String(status),
  );
}

describe("behind a good request,", () => {
  const wrong: readonly (readonly [string, string, number])[] = [
    ["garbage", GARBAGE, 400],
    ["a request line without a version", "GET /\r\n\r\n", 400],
    ["a header of 40 KiB", `GET /errors HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(40_000)}\r\n\r\n`, 431],
    ["a chunk size that is none", chunked("never", "zz\r\n"), 400],
    ["two lengths", good("never", "Content-Length: 3\r\n"), 400],
    ["CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["an expectation that nobody meets", good("never", "Expect: a-miracle\r\n"), 417],
    ["no Host", "GET /errors HTTP/1.1\r\n\r\n", 400],
  ];
  for (const scope of ["quick", "slow"]) {
    test.concurrent.each(wrong)(
      `%s is refused after the ${scope} answer, and closes the connection`,
      async (_what, bytes, status) => {
        const exchange = await exchangeRaw(running.port, { pieces: [good(scope) + bytes] });
        expect(summary(exchange)).toEqual([`200 ${scope}`, String(status)]);
        expect(exchange).toMatchObject({ closed: true, rest: "" });
        expect(exchange.answers.at(-1)?.headers.get("connection")).toEqual(["close"]);
      },
    );

    test.concurrent.each([
      ["half a header", "POST /v1/oauth/tokens HTTP/1.1\r\nHost:"],
      ["half a body", good("never").slice(0, -5)],
      ["half a chunk", chunked("never", "5\r\nab")],
    ])(`%s and the end are refused after the ${scope} answer`, async (_what, bytes) => {
      const exchange = await exchangeRaw(running.port, { pieces: [good(scope) + bytes], end: true });
      expect(summary(exchange)).toEqual([`200 ${scope}`, "400"]);
      expect(exchange).toMatchObject({ closed: true, rest: "" });
    });
  }

  test("half a request that never goes on is refused as too slow after the answer", async () => {
    const exchange = await exchangeRaw(running.port, { pieces: [`${good("slow")}GET /errors HT`], patienceMs: 5000 });
    expect(summary(exchange)).toEqual(["200 slow", "408"]);
  });
});

test("every good request before garbage is answered, in order", async () => {
  const scopes = ["a", "slow", "b", "c", "slow", "d"];
  const exchange = await exchangeRaw(running.port, { pieces: [scopes.map((scope) => good(scope)).join("") + GARBAGE] });
  expect(summary(exchange)).toEqual([...scopes.map((scope) => `200 ${scope}`), "400"]);
  expect(exchange.closed).toBe(true);
});

test("every call that Connect's own handlers serve is answered, in order", async () => {
  const empty = "\0".repeat(5);
  const call = `POST /icemint.v1.TokenService/GetToken HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc-web\r\nContent-Length: 5\r\n\r\n${empty}`;
  const { answers } = await exchangeRaw(running.port, { pieces: [call.repeat(5) + good("last")] });
  const bodies = answers.map(({ body }) => body).join(""); // their ends are not told by a length
  expect(bodies.match(/grpc-status:|"scope":"last"/g)).toEqual([...Array(5).fill("grpc-status:"), '"scope":"last"']);
});

test("garbage that goes on and on is refused once", async () => {
  const exchange = await exchangeRaw(running.port, { pieces: [good("slow"), GARBAGE, GARBAGE, GARBAGE], pauseMs: 20 });
  expect(summary(exchange)).toEqual(["200 slow", "400"]);
});

test("what follows a request that ends its connection is not done", async () => {
  await using alone = await startServer();
  const last = [good("last", "Connection: close\r\n"), "GET /errors HTTP/1.1\r\n\r\n", good("never", "Expect: x\r\n")];
  for (const bytes of last) {
    const exchange = await exchangeRaw(alone.port, { pieces: [bytes + good("unheard")] });
    expect(exchange.answers).toHaveLength(1);
    expect(exchange.closed).toBe(true);
  }
  expect(alone.seen.tokens.map(({ scope }) => scope)).toEqual(["last"]);
});

describe("behind a request that asks for an upgrade,", () => {
  const wishes = ["h2c", "websocket", "TLS/1.2", "h2c, foo/3"].map((wish) => [
    wish,
    `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${wish}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`,
  ]);
  const wish = wishes[0]?.[1] ?? "";

  for (const first of ["quick", "slow"]) {
    test.concurrent.each(wishes)(`to %s (${first}), the next one in the packet is answered`, async (_wish, header) => {
      const pieces = [good(first, header) + good("second") + good("third")];
      const exchange = await exchangeRaw(running.port, { pieces, until: 3 });
      expect(summary(exchange)).toEqual([`200 ${first}`, "200 second", "200 third"]);
    });
  }

  const sequences: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      "one without a body",
      [`GET /errors HTTP/1.1\r\nHost: x\r\n${wish}\r\n${good("next")}`],
      ["200 undefined", "200 next"],
    ],
    [
      "each of many asks",
      [["a", "slow", "b"].map((scope) => good(scope, wish)).join("")],
      ["200 a", "200 slow", "200 b"],
    ],
    [
      "others stand before it",
      [good("slow") + good("a") + good("b", wish) + good("c")],
      ["200 slow", "200 a", "200 b", "200 c"],
    ],
    ["garbage follows", [good("a", wish) + GARBAGE], ["200 a", "400"]],
    ["it is alone, again and again", [good("a", wish), good("b", wish), good("c", wish)], ["200 a", "200 b", "200 c"]],
    ["its body comes later", [good("a", wish).slice(0, -9), good("a", wish).slice(-9), good("b")], ["200 a", "200 b"]],
    [
      "its head comes in two",
      [good("a", wish).slice(0, 90), good("a", wish).slice(90) + good("b")],
      ["200 a", "200 b"],
    ],
    [
      "half of it stands behind another",
      [good("z") + good("a", wish).slice(0, -9), good("a", wish).slice(-9)],
      ["200 z", "200 a"],
    ],
    [
      "half of the next one follows",
      [good("a", wish) + good("b").slice(0, 50), good("b").slice(50)],
      ["200 a", "200 b"],
    ],
    ["its fields hold odd bytes", [good("a", `X: \xe9\xff\tz \r\nX:\r\n${wish}`) + good("b")], ["200 a", "200 b"]],
  ];
  test.concurrent.each(sequences)("where %s, all are answered in order", async (_what, pieces, expected) => {
    const bytes = pieces.map((piece) => Buffer.from(piece, "latin1"));
    const exchange = await exchangeRaw(running.port, { pieces: bytes, pauseMs: 30, until: expected.length });
    expect(summary(exchange)).toEqual(expected);
  });

  test.concurrent.each([
    ["chunked", [chunked("a", `5\r\nscope\r\n0\r\n\r\n`).replace("\r\n\r\n", `\r\n${wish}\r\n`) + good("lost")]],
    ["in the last packet of the first", [good("a", wish).slice(0, -9), good("a", wish).slice(-9) + good("lost")]],
    ["with 3,000 fields", [good("a", "X:\r\n".repeat(3000) + wish) + good("lost")]],
  ])("one that Node drops (%s) is not waited for: the answer ends the connection", async (_what, pieces) => {
    const exchange = await exchangeRaw(running.port, { pieces, pauseMs: 30, patienceMs: 3000 });
    expect(exchange.answers).toHaveLength(1);
    expect(exchange.answers[0]?.headers.get("connection")).toEqual(["close"]);
    expect(exchange.closed).toBe(true);
  });
});
