/** `envoy.service.auth.v3.Authorization`: a verdict in the words of Envoy's ext_authz, and of its callers. */
import { Buffer } from "node:buffer";
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type HeaderValueOptionSchema,
  HeaderValueOption_HeaderAppendAction,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import type { AttributeContext_HttpRequest } from "../../gen/envoy/service/auth/v3/attribute_context_pb.js";
import {
  type CheckRequest,
  type CheckResponse,
  CheckResponseSchema,
} from "../../gen/envoy/service/auth/v3/external_auth_pb.js";
import { StatusCode } from "../../gen/envoy/type/v3/http_status_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import type { AccessToken } from "../../oauth/access-token.js";
import { identityHeaders, isAlias } from "./identity-headers.js";
import type { Judge, Verdict } from "./judge.js";
import { type Refusal, refusalBody } from "./refusal.js";

export interface CheckOptions {
  readonly judge: Judge;
  /** Whether the service gets requests without `Authorization`. */
  readonly strip: boolean;
  readonly onVerdict: (verdict: Verdict) => void;
}

const STATUS: Readonly<Record<Refusal["status"], StatusCode>> = {
  400: StatusCode.BadRequest,
  401: StatusCode.Unauthorized,
  403: StatusCode.Forbidden,
  500: StatusCode.InternalServerError,
  503: StatusCode.ServiceUnavailable,
};

type Response = MessageInitShape<typeof CheckResponseSchema>;
type Field = readonly [name: string, value: string];

export type Check = (request: CheckRequest) => Promise<CheckResponse>;

export function createCheck({ judge, strip, onVerdict }: CheckOptions): Check {
  return async ({ attributes }) => {
    const http = attributes?.request?.http;
    const fields = http === undefined ? [] : fieldsOf(http);
    const authorization = fields.filter(([name]) => name === "authorization").map(([, value]) => value);
    const verdict = await judge({ authorization, target: http?.path });
    onVerdict(verdict);
    return create(CheckResponseSchema, answerTo(verdict, fields, strip));
  };
}

function answerTo(verdict: Verdict, fields: readonly Field[], strip: boolean): Response {
  if (verdict.allowed) return allowed(verdict.token, removed(fields, strip));
  return fields.some(isGrpc) ? deniedGrpc(verdict.refusal) : deniedHttp(verdict.refusal);
}

/** gRPC's own ext_authz clients and `encode_raw_headers` fill the list, Envoy fills the map. */
function fieldsOf({ headers, headerMap }: AttributeContext_HttpRequest): readonly Field[] {
  const listed = headerMap?.headers ?? [];
  return [
    ...Object.entries(headers),
    ...listed.map(({ key, value, rawValue }): Field => {
      const text = rawValue.length > 0 ? Buffer.from(rawValue).toString("latin1") : value;
      return [key.toLowerCase(), text];
    }),
  ];
}

function removed(fields: readonly Field[], strip: boolean): string[] {
  const aliases = fields.map(([name]) => name).filter(isAlias);
  return strip ? ["authorization", ...aliases] : aliases;
}

function allowed(token: AccessToken, headersToRemove: string[]): Response {
  const headers = identityHeaders(token).map(overwriting);
  return { status: { code: 0 }, httpResponse: { case: "okResponse", value: { headers, headersToRemove } } };
}

function deniedHttp(refusal: Refusal): Response {
  const own: readonly Field[] = [
    ["content-type", "application/json"],
    ["cache-control", "no-store"],
  ];
  return denied(refusal, own, refusalBody(refusal));
}

/**
 * Envoy makes an answer without a body of it: the body is `grpc-message`. It derives the code from the HTTP status only
 * where the answer has none.
 */
function deniedGrpc(refusal: Refusal): Response {
  const { grpcCode, message, reason } = refusal;
  const info = create(ErrorInfoSchema, { reason, domain: "icemint" });
  const status = create(StatusSchema, { code: grpcCode, message, details: [anyPack(ErrorInfoSchema, info)] });
  const details = Buffer.from(toBinary(StatusSchema, status)).toString("base64").replaceAll("=", "");
  const own: readonly Field[] = [
    ["grpc-status", String(grpcCode)],
    ["grpc-status-details-bin", details],
  ];
  return denied(refusal, own, message);
}

/**
 * Never `error_response`: with `failure_mode_allow` Envoy would let the request pass, and versions before 2026 do not
 * know it.
 */
function denied({ status, grpcCode, message, headers }: Refusal, own: readonly Field[], body: string): Response {
  return {
    status: { code: grpcCode, message },
    httpResponse: {
      case: "deniedResponse",
      value: { status: { code: STATUS[status] }, headers: [...own, ...headers].map(overwriting), body },
    },
  };
}

/** The deprecated `append` stays unset: unset, it overwrites as well. */
function overwriting([key, value]: Field): MessageInitShape<typeof HeaderValueOptionSchema> {
  return {
    header: { key, value },
    appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
  };
}

/** Callers of gRPC-Web and Connect read the HTTP status. */
function isGrpc([name, value]: Field): boolean {
  return name === "content-type" && /^application\/grpc(?:[+;]|$)/i.test(value);
}
