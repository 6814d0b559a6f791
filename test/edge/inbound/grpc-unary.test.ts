/** Calls that Envoy never makes. */
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { GrpcFailure, serveUnary } from "../../../src/edge/inbound/grpc-unary.js";

const MAX_BYTES = 1000;

async function calling() {
  const server = http2.createServer();
  const methods = new Map([
    ["/test.Echo/Say", (message: Uint8Array) => Promise.resolve(message)],
    ["/test.Echo/Fail", () => Promise.reject(new Error("secret of the house"))],
    ["/test.Echo/Refuse", () => Promise.reject(new GrpcFailure(5, "Not here."))],
  ]);
  serveUnary(server, { methods, maxMessageBytes: MAX_BYTES, timeoutMs: 100 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  /** The status, `grpc-status`, `grpc-message` and body of the answer. */
  return async (body: Buffer, path = "/test.Echo/Say", headers: http2.OutgoingHttpHeaders = {}) => {
    const sent = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers };
    const stream = session.request(sent);
    let fields: http2.IncomingHttpHeaders = {};
    stream.on("response", (head) => (fields = { ...fields, ...head }));
    stream.on("trailers", (trailers) => (fields = { ...fields, ...trailers }));
    stream.end(body);
    const answer = Buffer.concat(await stream.toArray());
    return [fields[":status"], fields["grpc-status"], fields["grpc-message"], answer.subarray(5).toString()];
  };
}

function frame(text: string, { flag = 0, length = text.length } = {}): Buffer {
  const prefix = Buffer.from([flag, 0, 0, 0, 0]);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

test("a whole message is answered, also an empty one, and one of the largest size", async () => {
  const call = await calling();
  expect(await call(frame("hello"))).toEqual([200, "0", undefined, "hello"]);
  expect(await call(frame(""))).toEqual([200, "0", undefined, ""]);
  expect((await call(frame("x".repeat(MAX_BYTES))))[1]).toBe("0");
});

test.each([
  ["without a message", Buffer.alloc(0), "3"],
  ["with half a prefix", Buffer.from([0, 0]), "3"],
  ["with less than it says", frame("hello", { length: 6 }), "3"],
  ["with more than one message", Buffer.concat([frame("a"), frame("b")]), "3"],
  ["with a length beyond all bounds", frame("hello", { length: 0xffffffff }), "3"],
  ["with a compressed message", frame("hello", { flag: 1 }), "12"],
  ["that is too large", frame("x".repeat(MAX_BYTES + 1)), "8"],
  ["that is far too large", frame("x".repeat(MAX_BYTES * 100)), "8"],
])("a call %s is refused, and the connection goes on", async (_what, body, code) => {
  const call = await calling();
  expect((await call(body))[1]).toBe(code);
  expect(await call(frame("hello"))).toEqual([200, "0", undefined, "hello"]);
});

test("an unknown method is UNIMPLEMENTED, and what is no gRPC is 415", async () => {
  const call = await calling();
  expect((await call(frame(""), "/test.Echo/Other"))[1]).toBe("12");
  expect((await call(frame(""), "/test.Echo/Say", { "content-type": "application/json" }))[0]).toBe(415);
  expect((await call(frame(""), "/test.Echo/Say", { "content-type": "application/grpc-web" }))[0]).toBe(415);
  expect((await call(frame(""), "/test.Echo/Say", { ":method": "PUT" }))[0]).toBe(415);
});

test("a failure of a method's own is told, and no other", async () => {
  const call = await calling();
  expect(await call(frame(""), "/test.Echo/Refuse")).toEqual([200, "5", "Not here.", ""]);
  expect(await call(frame(""), "/test.Echo/Fail")).toEqual([200, "13", "The call could not be answered.", ""]);
});
