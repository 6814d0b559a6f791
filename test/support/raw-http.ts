/** HTTP/1.1 byte by byte: sends what no honest client sends, and reads what comes back without repairing anything. */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One answer as it was on the wire. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; the values of a repeated one in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/** What came back on one connection. */
export interface RawExchange {
  readonly answers: readonly RawAnswer[];
  /** Whether the server closed the connection before the patience ended. */
  readonly closed: boolean;
  /** Bytes that are no whole answer. */
  readonly rest: string;
}

/** What is sent: pieces go out one after another, with a pause between. */
export interface RawSending {
  readonly pieces: readonly (Buffer | string)[];
  readonly pauseMs?: number;
  /** Whether the sending side is closed after the last piece. */
  readonly end?: boolean;
  /** For the whole exchange. */
  readonly patienceMs?: number;
  /** Answers after which nobody waits for more. */
  readonly until?: number;
  /** Whether the answers have no body (HEAD). */
  readonly bodiless?: boolean;
}

/** Sends the pieces on a connection of their own. Resolves at `until`, at the end of the connection, or of patience. */
export async function exchangeRaw(port: number, sending: RawSending): Promise<RawExchange> {
  const { pieces, pauseMs = 0, end = false, patienceMs = 2000, until = Infinity, bodiless = false } = sending;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let received = Buffer.alloc(0);
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (until !== Infinity && parseAnswers(received, bodiless).answers.length >= until) resolve(false);
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(true));
  const patience = setTimeout(() => resolve(false), patienceMs);
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await sleep(pauseMs);
    socket.write(piece);
  }
  if (end) socket.end();
  const closed = await promise;
  clearTimeout(patience);
  socket.destroy();
  return { ...parseAnswers(received, bodiless), closed };
}

/** Splits bytes into answers: `Content-Length` or the end of the connection ends a body. */
function parseAnswers(received: Buffer, bodiless: boolean): Pick<RawExchange, "answers" | "rest"> {
  const answers: RawAnswer[] = [];
  let text = received.toString("latin1");
  for (;;) {
    const headEnd = text.indexOf("\r\n\r\n");
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(text) ?? [];
    if (headEnd < 0 || status === undefined) return { answers, rest: text };
    const headers = parseHeaders(text.slice(0, headEnd).split("\r\n").slice(1));
    const length = headers.get("content-length")?.[0];
    const bodyStart = headEnd + 4;
    const without = bodiless || Number(status) < 200 || status === "204" || status === "304";
    const bodyEnd = without ? bodyStart : length === undefined ? text.length : bodyStart + Number(length);
    if (text.length < bodyEnd) return { answers, rest: text };
    const body = Buffer.from(text.slice(bodyStart, bodyEnd), "latin1").toString("utf8");
    answers.push({ status: Number(status), headers, body });
    text = text.slice(bodyEnd);
  }
}

function parseHeaders(lines: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return headers;
}
