/** Connections of HTTP/1.1: one to four requests, each well formed or not, pipelined. */
import { Buffer } from "node:buffer";
import { ask, type Asked } from "./rpc-bodies.js";
import type { Random } from "./random.js";
import { mutate } from "./mutate.js";

export function http1Bytes(random: Random): Buffer {
  const requests = random.several(4, () => request(random));
  if (random.oneIn(6)) requests.splice(random.below(requests.length + 1), 0, random.bytes(1 + random.below(64)));
  return mutate(random, Buffer.concat(requests));
}

function request(random: Random): Buffer {
  const asked = ask(random);
  const version = random.oneIn(12) ? random.pick(["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "ICY"]) : "HTTP/1.1";
  const target = random.oneIn(12) ? `http://x${asked.path}` : asked.path;
  const { fields, body } = framed(random, asked);
  const lines = [
    `${asked.method} ${target} ${version}`,
    ...(random.oneIn(15) ? [] : ["Host: tokens.example.com"]),
    ...[...asked.fields, ...fields].map(([name, value]) => `${name}: ${value}`),
    ...random.some(["Connection: close", "Connection: keep-alive", "Host: y", `X: ${"x".repeat(40_000)}`], 20),
    ...(random.oneIn(8) ? ["Connection: Upgrade", `Upgrade: ${random.pick(["h2c", "websocket", "TLS/1.2", ""])}`] : []),
  ];
  const end = random.oneIn(30) ? "\n" : "\r\n";
  return Buffer.concat([Buffer.from(`${lines.join(end)}${end}${end}`, "latin1"), body]);
}

type Framed = Pick<Asked, "fields" | "body">;

/** The body with its length, in chunks, or with a length that is not its own. */
function framed(random: Random, { method, body }: Asked): Framed {
  if (method === "GET" && body.length === 0 && !random.oneIn(6)) return { fields: [], body };
  const length = (value: number): Framed["fields"] => [["Content-Length", String(value)]];
  if (random.oneIn(4)) {
    const coded: Framed["fields"] = [["Transfer-Encoding", random.oneIn(8) ? "gzip, chunked" : "chunked"]];
    return { fields: random.oneIn(10) ? [...coded, ...length(body.length)] : coded, body: chunks(random, body) };
  }
  const lie = random.pick([0, 1, body.length + 9, 300_000, 2 ** 53]);
  return { fields: length(random.oneIn(8) ? lie : body.length), body };
}

function chunks(random: Random, body: Buffer): Buffer {
  const cut = random.below(body.length + 1);
  const parts = [body.subarray(0, cut), body.subarray(cut)].filter((part) => part.length > 0);
  const extension = random.oneIn(8) ? `;${"e".repeat(random.pick([1, 100, 20_000]))}` : "";
  const pieces = parts.flatMap((part) => [`${part.length.toString(16)}${extension}\r\n`, part, "\r\n"]);
  const last = random.pick(["0\r\n\r\n", "0\r\n\r\n", "0\r\nX: y\r\n\r\n", "0", ""]);
  return Buffer.concat([...pieces, last].map((piece) => Buffer.from(piece)));
}
