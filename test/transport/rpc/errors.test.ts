import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ErrorReason } from "../../../src/gen/icemint/v1/error_reason_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { OAuthError } from "../../../src/oauth/error.js";
import { REASONS } from "../../../src/transport/rest/error-list.js";
import { toConnectError, withErrorInfo } from "../../../src/transport/rpc/errors.js";

describe("an RPC error", () => {
  test("has a reason that error_reason.proto knows, and every reason there can be had", () => {
    const inProto = Object.keys(ErrorReason).filter((name) => !/^\d+$/.test(name) && name !== "UNSPECIFIED");
    expect(new Set(inProto)).toEqual(new Set(Object.keys(REASONS)));
    for (const reason of inProto) expect(reason).toMatch(/^[A-Z][A-Z0-9_]{0,61}[A-Z0-9]$/);
  });

  test.each([
    ["CURSOR_GONE", Code.OutOfRange],
    ["CONSUMER_TOO_SLOW", Code.ResourceExhausted],
    ["KEY_UNKNOWN", Code.NotFound],
    ["TIMED_OUT", Code.DeadlineExceeded],
    ["PARAMETER_MISSING", Code.InvalidArgument],
  ] as const)("for %s has the code that says most", (reason, code) => {
    expect(toConnectError(new OAuthError("invalid_request", reason, "x")).code).toBe(code);
  });

  test("says when to come back where that helps, and only there", () => {
    const retry = (error: OAuthError) =>
      toConnectError(error).details.filter((d) => "desc" in d && d.desc === RetryInfoSchema);
    expect(retry(new OAuthError("slow_down", "QUOTA_EXCEEDED", "x"))).toMatchObject([
      { value: { retryDelay: { seconds: 1n, nanos: 0 } } },
    ]);
    expect(retry(new OAuthError("invalid_scope", "SCOPE_MALFORMED", "x"))).toEqual([]);
  });

  test("of our own making has fixed text and nothing of its cause", () => {
    const error = toConnectError(new Error("s3cr3t"));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).not.toContain("s3cr3t");
    expect(error.details).toMatchObject([
      {
        desc: ErrorInfoSchema,
        value: { reason: "INTERNAL", domain: "icemint", metadata: { oauth_error: "server_error" } },
      },
    ]);
  });

  test("of the protocol itself has ErrorInfo too, once", () => {
    const error = withErrorInfo(withErrorInfo(new ConnectError("unknown compression", Code.Unimplemented)));
    expect(error.details).toMatchObject([{ value: { reason: "REQUEST_MALFORMED" } }]);
  });
});
