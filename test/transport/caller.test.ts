import { describe, expect, test } from "vitest";
import { authorizationOf, createCallerFactory } from "../../src/transport/caller.js";

const callerOf = createCallerFactory(
  () => "made-here",
  (peer) => peer ?? "unknown",
);
const arrive = (headers: Record<string, string>) => ({
  headers,
  rawHeaders: Object.entries(headers).flat(),
  peerAddress: "192.0.2.7",
});

describe("the caller of a request", () => {
  test.each([
    ["a plain one", "abc-123", "abc-123"],
    ["one as AWS sends it", "Root=1-67891233-abcdef012345678912345678", "Root=1-67891233-abcdef012345678912345678"],
    ["one with a space", "a b", "made-here"],
    ["one with a quote", 'a"b', "made-here"],
    ["one that is not ASCII", "é", "made-here"],
    ["an empty one", "", "made-here"],
    ["one of more than 64 characters", "x".repeat(65), "made-here"],
  ])("keeps its request id if it is short and safe: %s", (_what, sent, expected) => {
    expect(callerOf(arrive({ "x-request-id": sent }), "form").requestId).toBe(expected);
  });

  test("has a trace id if it sent a valid traceparent", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    expect(callerOf(arrive({ traceparent }), "grpc")).toEqual({
      requestId: "made-here",
      transport: "grpc",
      address: "192.0.2.7",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentSpanId: "b7ad6b7169203331",
      traceSampled: true,
    });
    expect(callerOf(arrive({ traceparent: "junk" }), "grpc").traceId).toBeUndefined();
  });

  test("has no credentials in the header if that is absent or empty", () => {
    expect(authorizationOf(arrive({}))).toBeUndefined();
    expect(authorizationOf(arrive({ authorization: "" }))).toBeUndefined();
  });

  test("is refused when it sends the header twice", () => {
    const rawHeaders = ["Authorization", "Basic a", "AUTHORIZATION", "Basic a"];
    expect(() => authorizationOf({ headers: { authorization: "Basic a" }, rawHeaders })).toThrow("more than once");
  });
});
