/**
 * The exports of `icemint/verifier/grpc-js`. The caller passes `@grpc/grpc-js` itself: only its types are imported,
 * because its objects must come from the caller's copy.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type * as grpcJs from "@grpc/grpc-js";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import type { AccessToken } from "../oauth/access-token.js";
import { bearerToken } from "./bearer.js";
import { ERROR_REASONS, VerificationError, type VerificationErrorCode } from "./verification-error.js";
import type { Requirements, Verifier } from "./verifier.js";

type Grpc = Pick<typeof grpcJs, "Metadata" | "ServerInterceptingCall" | "status">;

type Status = Parameters<grpcJs.ServerInterceptingCall["sendStatus"]>[0];

const tokens = new WeakMap<grpcJs.Metadata, AccessToken>();

/** The token of a call that the interceptor let pass: `verifiedToken(call.metadata)`. */
export function verifiedToken(metadata: grpcJs.Metadata): AccessToken | undefined {
  return tokens.get(metadata);
}

/** Use: `new grpc.Server({ interceptors: [grpcServerInterceptor(grpc, verifier)] })`. */
export function grpcServerInterceptor(
  grpc: Grpc,
  verifier: Pick<Verifier, "verify">,
  requirements: Requirements = {},
): grpcJs.ServerInterceptor {
  async function admit(metadata: grpcJs.Metadata): Promise<void> {
    const token = bearerToken(metadata.get("authorization").map(String));
    tokens.set(metadata, await verifier.verify(token, requirements));
  }

  const codes: Readonly<Record<VerificationErrorCode, Status["code"]>> = {
    invalid_token: grpc.status.UNAUTHENTICATED,
    insufficient_scope: grpc.status.PERMISSION_DENIED,
    unavailable: grpc.status.UNAVAILABLE,
  };

  function refusal(error: unknown): Status {
    // A fault of ours, or of a test's verifier: the caller does not see its message.
    if (!(error instanceof VerificationError)) {
      return { code: grpc.status.INTERNAL, details: "The token could not be verified." };
    }
    const { code, message } = error;
    const metadata = new grpc.Metadata();
    metadata.set("grpc-status-details-bin", statusDetails(codes[code], message, ERROR_REASONS[code]));
    return { code: codes[code], details: message, metadata };
  }

  return (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, proceed) {
            admit(metadata).then(
              () => proceed(metadata),
              (error: unknown) => call.sendStatus(refusal(error)),
            );
          },
        });
      },
    });
}

function statusDetails(code: number, message: string, reason: string): Buffer {
  const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: "icemint" }));
  return Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code, message, details: [info] })));
}
