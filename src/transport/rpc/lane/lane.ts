/**
 * The fast lane: unary calls in gRPC (HTTP/2) and Connect (both HTTP versions), protobuf and JSON, from Node's streams
 * straight to the handler, at the price of a bare server. All other calls go to `stock-road.ts`: streams, gRPC-Web, GET
 * and unusual content types.
 *
 * The lane is fast because it assumes more than stock Connect. There are no interceptors. Answers are never compressed.
 * A message fits into memory (`readMaxBytes`). It uses parts that Connect exports but marks as private. Therefore the
 * version is pinned exactly, and the parity test and the Connect conformance suite run on this lane.
 */
import type { ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { create, isMessage, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createServiceImplSpec,
  type ContextValues,
  type MethodImplSpec,
} from "@connectrpc/connect";
import {
  compressionNegotiate,
  createMethodSerializationLookup,
  createMethodUrl,
  type Compression,
  type MethodSerializationLookup,
  type UniversalHandlerOptions,
} from "@connectrpc/connect/protocol";
import { type Body, readBody } from "../../body.js";
import { contentTypeUnaryJson } from "@connectrpc/connect/protocol-connect";
import { text, type Arrival } from "../../caller.js";
import type { Exchange } from "../../exchange.js";
import { overload } from "../../admission.js";
import type { Batch } from "../../batch.js";
import type { UnderWay } from "../../under-way.js";
import { toConnectError } from "../errors.js";
import { LazyContext, type CallOrigin } from "./lazy-context.js";
import type { ServiceList } from "../service-list.js";
import {
  CONNECT,
  ENVELOPE_BYTES,
  GRPC,
  WIRES,
  closeEnvelope,
  connectError,
  connectMessage,
  grpcError,
  grpcMessage,
  openEnvelope,
  writeResponse,
  writeStream,
  type Answer,
  type Wire,
} from "./wire.js";

export interface CallStart {
  readonly values: ContextValues;
  /** Headers of every answer: names in lower case, each followed by its value. The call may add to the list. */
  readonly headers: string[];
}

export interface FastLaneOptions {
  readonly services: ServiceList;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  /** Longer deadlines are cut to this. */
  readonly maxTimeoutMs: number;
  readonly underWay: UnderWay;
  /** Whether there is room for a call of this method. */
  readonly admits: (path: string) => boolean;
  readonly batch: Batch<Exchange>;
  readonly acceptCompression: readonly Compression[];
  readonly jsonOptions?: UniversalHandlerOptions["jsonOptions"];
  readonly begin: (exchange: Exchange, protocolName: Wire["protocol"]["name"]) => CallStart;
  /** Adds the details that every error carries to an error of the protocol itself. */
  readonly describe: (error: ConnectError) => ConnectError;
  /** Told of a call that no handler got, and of an answer that could not be written: no handler records them. */
  readonly onFailure: (path: string, values: ContextValues, error: unknown) => void;
}

/** Each method returns whether it serves the call. It leaves a call that it does not serve untouched. */
export interface FastLane {
  takeStream(stream: ServerHttp2Stream, path: string, exchange: Exchange): boolean;
  takeRequest(request: IncomingMessage, response: ServerResponse, path: string, exchange: Exchange): boolean;
}

type UnarySpec = Extract<MethodImplSpec, { kind: "unary" }>;

interface LaneMethod {
  readonly spec: UnarySpec;
  readonly io: MethodSerializationLookup<DescMessage, DescMessage>;
  readonly admits: () => boolean;
}

/** A call whose body has arrived. */
interface Call {
  readonly method: LaneMethod;
  readonly wire: Wire;
  readonly arrival: Arrival;
  readonly body: Body;
  readonly context: LazyContext;
  /** Headers of the answer, so far. */
  readonly headers: string[];
}

export function createFastLane(options: FastLaneOptions): FastLane {
  const methods = unaryMethods(options);
  const { batch, underWay, readMaxBytes } = options;

  /** Never rejects: a broken message and a failed handler get an answer, too. */
  async function answerTo(method: LaneMethod, wire: Wire, origin: CallOrigin, body: Body): Promise<Answer> {
    const { arrival } = origin;
    const { values, headers } = options.begin(arrival, wire.protocol.name);
    const context = new LazyContext(method.spec.method, wire.protocol.name, values, origin);
    const call = { method, wire, arrival, body, context, headers };
    let handled = false;
    try {
      const message = parse(call, await openBody(call, options));
      handled = true;
      return succeed(await method.spec.impl(message, context), call);
    } catch (thrown) {
      if (!handled || !(thrown instanceof ConnectError)) options.onFailure(origin.path, values, thrown);
      return fail(thrown, call);
    } finally {
      context.done();
    }
  }

  function fail(thrown: unknown, { wire, headers, context }: Call): Answer {
    const error = options.describe(
      thrown instanceof ConnectError
        ? thrown
        : new ConnectError("internal error", Code.Internal, undefined, undefined, thrown),
    );
    if (wire.protocol !== GRPC) {
      headers.push("content-type", contentTypeUnaryJson);
      return connectError(headers, error, context, options.jsonOptions);
    }
    headers.push("content-type", wire.contentType);
    return grpcError(headers, error, context);
  }

  return {
    takeStream(stream, path, exchange) {
      const { headers } = exchange;
      const method = headers[":method"] === "POST" ? methods.get(path) : undefined;
      const wire = method && WIRES.get(headers["content-type"] ?? "");
      if (method === undefined || wire === undefined) return false;
      const onGone = (gone: () => void) => tellIfGone(stream, () => stream.rstCode === 0, gone);
      const limits = { maxBytes: readMaxBytes + ENVELOPE_BYTES, underWay, admits: method.admits };
      readBody(stream, exchange, limits, (body) => {
        batch.add(
          exchange,
          () => answerTo(method, wire, { arrival: exchange, path, onGone }, body),
          (answer) => writeStream(stream, answer),
        );
      });
      return true;
    },

    takeRequest(request, response, path, exchange) {
      const method = request.method === "POST" ? methods.get(path) : undefined;
      const wire = method && WIRES.get(exchange.headers["content-type"] ?? "");
      // gRPC needs trailers, and so HTTP/2. The stock road answers that.
      if (method === undefined || wire === undefined || wire.protocol !== CONNECT) return false;
      const onGone = (gone: () => void) => tellIfGone(response, () => response.writableFinished, gone);
      const limits = { maxBytes: readMaxBytes, underWay, admits: method.admits };
      readBody(request, exchange, limits, (body) => {
        batch.add(
          exchange,
          () => answerTo(method, wire, { arrival: exchange, path, onGone }, body),
          (answer) => writeResponse(response, answer),
        );
      });
      return true;
    },
  };
}

function unaryMethods({ services, jsonOptions, readMaxBytes, writeMaxBytes, admits }: FastLaneOptions) {
  const limits = { readMaxBytes, writeMaxBytes };
  const methods = new Map<string, LaneMethod>();
  for (const [service, implementation] of services) {
    for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
      if (spec.kind !== "unary") continue;
      const io = createMethodSerializationLookup(spec.method, undefined, jsonOptions, limits);
      const path = createMethodUrl("/", spec.method);
      methods.set(path, { spec, io, admits: () => admits(path) });
    }
  }
  return methods;
}

/** Calls back once if the peer closes, or has closed, before it has its answer. */
function tellIfGone(target: ServerHttp2Stream | ServerResponse, isAnswered: () => boolean, gone: () => void): void {
  const tell = () => isAnswered() || gone();
  if (target.closed) tell();
  else target.once("close", tell);
}

/** Opens the message and sets the deadline. The checks come in the same order as in stock Connect. */
function openBody(
  { wire: { protocol }, arrival: { headers }, context, body }: Call,
  { readMaxBytes, maxTimeoutMs, acceptCompression }: FastLaneOptions,
): Uint8Array | Promise<Uint8Array> {
  if (body === "no_room") throw toConnectError(overload());
  const compression = requestCompression(protocol, headers, acceptCompression);
  const sentTimeout = text(headers[protocol.timeoutHeader]);
  if (sentTimeout !== undefined) {
    const { timeoutMs = maxTimeoutMs, error } = protocol.parseTimeout(sentTimeout, Number.MAX_SAFE_INTEGER);
    if (error !== undefined) throw error;
    context.deadline = Date.now() + Math.min(timeoutMs, maxTimeoutMs);
  }
  if (body === "too_large") {
    throw new ConnectError(
      `message size is larger than configured readMaxBytes ${readMaxBytes}`,
      Code.ResourceExhausted,
    );
  }
  if (protocol === GRPC) return openEnvelope(body, compression, readMaxBytes);
  return compression === null ? body : compression.decompress(body, readMaxBytes);
}

/** Broken input is the caller's fault. The parser's own error quotes the input, and so perhaps a secret. */
function parse({ method, wire }: Call, data: Uint8Array): Message {
  try {
    return method.io.getI(wire.binary).parse(data);
  } catch (error) {
    const complaint = "the message cannot be read as the method's request";
    throw new ConnectError(complaint, Code.InvalidArgument, undefined, undefined, error);
  }
}

function succeed(output: MessageInitShape<DescMessage>, { method, wire, headers, context }: Call): Answer {
  if (context.isLate()) throw new ConnectError("the operation timed out", Code.DeadlineExceeded);
  const isGrpc = wire.protocol === GRPC;
  const body = encode(method, whole(method.spec.method.output, output), wire.binary, isGrpc);
  headers.push("content-type", wire.contentType); // last, because an error has a type of its own
  return isGrpc ? grpcMessage(headers, body, context) : connectMessage(headers, body, context);
}

function encode({ io }: LaneMethod, message: Message, binary: boolean, enveloped: boolean): Uint8Array {
  const serialized = io.getO(binary).serialize(message);
  return enveloped ? closeEnvelope(serialized) : serialized;
}

function requestCompression(
  { encodingHeader, acceptHeader }: Wire["protocol"],
  headers: Arrival["headers"],
  available: readonly Compression[],
): Compression | null {
  const encoding = text(headers[encodingHeader]) ?? "identity";
  if (encoding === "identity") return null;
  const { request, error } = compressionNegotiate([...available], encoding, null, acceptHeader);
  if (error !== undefined) throw error;
  return request;
}

/** Handlers may answer with a plain object. Handlers on the hot path make the message themselves. */
function whole(schema: DescMessage, output: MessageInitShape<DescMessage>): Message {
  return isMessage(output, schema) ? output : create(schema, output);
}
