/**
 * `connectrpc.conformance.v1.ConformanceService`: answers what each request asks it to answer, and echoes what it saw.
 * Its method `Unimplemented` is left out on purpose: the stack must answer for it.
 */
import { create, createRegistry, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyPack, type Any } from "@bufbuild/protobuf/wkt";
import { ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import * as pb from "./gen/connectrpc/conformance/v1/service_pb.js";

/** The request types travel in `Any`, which JSON can only write of types that it knows. */
export const requestTypes = createRegistry(
  pb.UnaryRequestSchema,
  pb.IdempotentUnaryRequestSchema,
  pb.ServerStreamRequestSchema,
  pb.ClientStreamRequestSchema,
  pb.BidiStreamRequestSchema,
);

export const conformanceService: Partial<ServiceImpl<typeof pb.ConformanceService>> = {
  unary: (request, context) => answerOnce(context, pb.UnaryRequestSchema, request.responseDefinition, [request]),
  idempotentUnary: (request, context) =>
    answerOnce(context, pb.IdempotentUnaryRequestSchema, request.responseDefinition, [request]),

  async clientStream(stream, context) {
    const requests: pb.ClientStreamRequest[] = [];
    for await (const request of stream) requests.push(request);
    return answerOnce(context, pb.ClientStreamRequestSchema, requests[0]?.responseDefinition, requests);
  },

  async *serverStream(request, context) {
    echoHeaders(request.responseDefinition, context);
    yield* answerMany(context, pb.ServerStreamRequestSchema, request.responseDefinition, [request], 0);
  },

  async *bidiStream(stream, context) {
    let definition: pb.StreamResponseDefinition | undefined;
    let fullDuplex: boolean | undefined;
    let sent = 0;
    let requests: pb.BidiStreamRequest[] = [];
    for await (const request of stream) {
      if (fullDuplex === undefined) {
        ({ fullDuplex, responseDefinition: definition } = request);
        echoHeaders(definition, context);
      }
      requests.push(request);
      const data = definition?.responseData[sent];
      if (!fullDuplex) continue;
      if (data === undefined) break;
      await sleep(definition?.responseDelayMs);
      yield { payload: { data, requestInfo: seen(context, pb.BidiStreamRequestSchema, requests) } };
      sent += 1;
      requests = [];
    }
    yield* answerMany(context, pb.BidiStreamRequestSchema, definition, requests, sent);
  },
};

async function answerOnce<Schema extends DescMessage>(
  context: HandlerContext,
  schema: Schema,
  definition: pb.UnaryResponseDefinition | undefined,
  requests: readonly MessageShape<Schema>[],
) {
  echoHeaders(definition, context);
  const requestInfo = seen(context, schema, requests);
  await sleep(definition?.responseDelayMs);
  if (definition?.response.case === "error") throw failure(definition.response.value, requestInfo);
  return { payload: { requestInfo, data: definition?.response.value ?? new Uint8Array() } };
}

async function* answerMany<Schema extends DescMessage>(
  context: HandlerContext,
  schema: Schema,
  definition: pb.StreamResponseDefinition | undefined,
  requests: readonly MessageShape<Schema>[],
  from: number,
) {
  const data = definition?.responseData.slice(from) ?? [];
  for (const [at, one] of data.entries()) {
    await sleep(definition?.responseDelayMs);
    const isFirst = from + at === 0;
    yield { payload: { data: one, ...(isFirst && { requestInfo: seen(context, schema, requests) }) } };
  }
  if (definition?.error === undefined) return;
  const nothingSent = definition.responseData.length === 0;
  throw failure(definition.error, nothingSent ? seen(context, schema, requests) : undefined);
}

function echoHeaders(
  definition: Pick<pb.UnaryResponseDefinition, "responseHeaders" | "responseTrailers"> | undefined,
  { responseHeader, responseTrailer }: HandlerContext,
): void {
  for (const { name, value } of definition?.responseHeaders ?? [])
    for (const v of value) responseHeader.append(name, v);
  for (const { name, value } of definition?.responseTrailers ?? [])
    for (const v of value) responseTrailer.append(name, v);
}

function seen<Schema extends DescMessage>(
  context: HandlerContext,
  schema: Schema,
  requests: readonly MessageShape<Schema>[],
): pb.ConformancePayload_RequestInfo {
  const timeoutMs = context.timeoutMs();
  return create(pb.ConformancePayload_RequestInfoSchema, {
    requestHeaders: toHeaders(context.requestHeader),
    requests: requests.map((request) => anyPack(schema, request)),
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.round(timeoutMs)) }),
    ...(context.requestMethod === "GET" && {
      connectGetInfo: { queryParams: toHeaders(new URL(context.url).searchParams) },
    }),
  });
}

function toHeaders(entries: Iterable<[string, string]>): pb.Header[] {
  return [...entries].map(([name, value]) => create(pb.HeaderSchema, { name, value: [value] }));
}

/** Details go out as they came in. */
function failure(wanted: pb.Error, requestInfo: pb.ConformancePayload_RequestInfo | undefined): ConnectError {
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- both enums number the codes as gRPC does
  const error = new ConnectError(wanted.message ?? "", wanted.code as number);
  const details: Any[] = [...wanted.details];
  if (requestInfo !== undefined) details.push(anyPack(pb.ConformancePayload_RequestInfoSchema, requestInfo));
  error.details = details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
  return error;
}

function sleep(milliseconds: number | undefined): Promise<void> | undefined {
  return milliseconds ? new Promise((resolve) => setTimeout(resolve, milliseconds)) : undefined;
}
