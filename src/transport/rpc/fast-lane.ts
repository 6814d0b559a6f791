/**
 * The fast lane: unary calls in gRPC (HTTP/2) and Connect (both HTTP versions), protobuf and JSON, from Node's streams
 * straight to the handler, at the price of a bare server. Everything else is the stock road's (`stock-road.ts`): streams,
 * gRPC-Web, GET, odd content types.
 *
 * What it may assume, since the stock road does not need to ask it: the service implementations are the same objects as
 * the stock road's; there are no interceptors; answers are never compressed; a message fits into memory (`readMaxBytes`).
 * It is built of parts that Connect exports and marks as private: the version is pinned exactly, and both the parity test
 * and the conformance suite run on this lane.
 */
import http2, { type ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
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
import { readBody } from "../body.js";
import type { Arrival } from "../call.js";
import { connectError, connectMessage, grpcError, grpcMessage, type Answer } from "./answers.js";
import { ENVELOPE_BYTES, openEnvelope } from "./envelope.js";
import { LazyContext, type CallParts } from "./lazy-context.js";
import type { ServiceList } from "./service-list.js";
import { CONNECT, GRPC, WIRES, type Wire } from "./wire.js";
import { writeResponse, writeStream } from "./write-answer.js";

/** What a call begins with. */
export interface CallStart {
  readonly values: ContextValues;
  /** Set on the answer, whatever it is. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the lane is made of. */
export interface FastLaneOptions {
  readonly services: ServiceList;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  /** Longer deadlines are cut to this. */
  readonly maxTimeoutMs: number;
  /** For the whole body of a call over HTTP/2. Milliseconds. */
  readonly bodyTimeoutMs: number;
  readonly acceptCompression: readonly Compression[];
  readonly jsonOptions?: UniversalHandlerOptions["jsonOptions"];
  readonly begin: (arrival: Arrival, protocolName: Wire["protocol"]["name"]) => CallStart;
  /** Gives an error of the protocol itself what every error carries. */
  readonly describe: (error: ConnectError) => ConnectError;
}

/** The lane. Each method says whether it took the call; what it did not take, it did not touch. */
export interface FastLane {
  takeStream(stream: ServerHttp2Stream, path: string, arrival: Arrival): boolean;
  takeRequest(request: IncomingMessage, response: ServerResponse, path: string): boolean;
}

type UnarySpec = Extract<MethodImplSpec, { kind: "unary" }>;

interface LaneMethod {
  readonly spec: UnarySpec;
  readonly io: MethodSerializationLookup<DescMessage, DescMessage>;
}

/** One call, as `run` needs it. */
interface LaneCall {
  readonly method: LaneMethod;
  readonly wire: Wire;
  readonly arrival: Arrival;
  readonly path: string;
  readonly onGone: CallParts["onGone"];
}

/** Makes the lane. */
export function createFastLane(options: FastLaneOptions): FastLane {
  const methods = unaryMethods(options);

  async function run({ method, wire, arrival, path, onGone }: LaneCall, body: Buffer | undefined): Promise<Answer> {
    const { values, headers: startHeaders } = options.begin(arrival, wire.protocol.name);
    const headers: OutgoingHttpHeaders = { "content-type": wire.contentType, ...startHeaders };
    const context = new LazyContext({
      method: method.spec.method,
      protocolName: wire.protocol.name,
      headers: arrival.headers,
      path,
      values,
      onGone,
    });
    const isGrpc = wire.protocol === GRPC;
    try {
      const input = await readMessage(method, wire, arrival, context, body, options);
      const output = await method.spec.impl(input, context);
      if (context.isLate()) throw new ConnectError("the operation timed out", Code.DeadlineExceeded);
      const message = method.io.getO(wire.binary).serialize(whole(method.spec.method.output, output));
      return isGrpc ? grpcMessage(headers, message, context) : connectMessage(headers, message, context);
    } catch (thrown) {
      const error = options.describe(
        thrown instanceof ConnectError
          ? thrown
          : new ConnectError("internal error", Code.Internal, undefined, undefined, thrown),
      );
      return isGrpc ? grpcError(headers, error, context) : connectError(headers, error, context, options.jsonOptions);
    } finally {
      context.done();
    }
  }

  return {
    takeStream(stream, path, arrival) {
      const { headers } = arrival;
      const method = headers[":method"] === "POST" ? methods.get(path) : undefined;
      const wire = method && WIRES.get(headers["content-type"] ?? "");
      if (method === undefined || wire === undefined) return false;
      const onGone = (gone: () => void) => stream.once("close", () => stream.rstCode !== 0 && gone());
      const timeout = { afterMs: options.bodyTimeoutMs, cut: () => stream.close(http2.constants.NGHTTP2_CANCEL) };
      const maxBytes = options.readMaxBytes + ENVELOPE_BYTES;
      readBody(stream, headers["content-length"], { maxBytes, timeout }, (body) => {
        void run({ method, wire, arrival, path, onGone }, body).then((answer) => writeStream(stream, answer));
      });
      return true;
    },

    takeRequest(request, response, path) {
      const { headers, rawHeaders } = request;
      const method = request.method === "POST" ? methods.get(path) : undefined;
      const wire = method && WIRES.get(headers["content-type"] ?? "");
      // gRPC needs trailers, and so HTTP/2: the stock road says so.
      if (method === undefined || wire === undefined || wire.protocol !== CONNECT) return false;
      const arrival = { headers, rawHeaders, peerAddress: request.socket.remoteAddress };
      const onGone = (gone: () => void) => response.once("close", () => response.writableFinished || gone());
      readBody(request, headers["content-length"], { maxBytes: options.readMaxBytes }, (body) => {
        void run({ method, wire, arrival, path, onGone }, body).then((answer) =>
          writeResponse(request, response, answer),
        );
      });
      return true;
    },
  };
}

function unaryMethods({ services, jsonOptions, readMaxBytes, writeMaxBytes }: FastLaneOptions) {
  const limits = { readMaxBytes, writeMaxBytes };
  const methods = new Map<string, LaneMethod>();
  for (const [service, implementation] of services) {
    for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
      if (spec.kind !== "unary") continue;
      const io = createMethodSerializationLookup(spec.method, undefined, jsonOptions, limits);
      methods.set(createMethodUrl("/", spec.method), { spec, io });
    }
  }
  return methods;
}

/** From the body to the input message; the order of the checks is stock Connect's. */
async function readMessage(
  { io }: LaneMethod,
  { protocol, binary }: Wire,
  { headers }: Arrival,
  context: LazyContext,
  body: Buffer | undefined,
  { readMaxBytes, maxTimeoutMs, acceptCompression }: FastLaneOptions,
): Promise<Message> {
  const compression = requestCompression(protocol, headers, acceptCompression);
  const timeout = protocol.parseTimeout(text(headers[protocol.timeoutHeader]) ?? null, Number.MAX_SAFE_INTEGER);
  if (timeout.error !== undefined) throw timeout.error;
  context.deadline =
    timeout.timeoutMs === undefined ? undefined : Date.now() + Math.min(timeout.timeoutMs, maxTimeoutMs);
  if (body === undefined) {
    throw new ConnectError(
      `message size is larger than configured readMaxBytes ${readMaxBytes}`,
      Code.ResourceExhausted,
    );
  }
  let data: Uint8Array | Promise<Uint8Array> = body;
  if (protocol === GRPC) data = openEnvelope(body, compression, readMaxBytes);
  else if (compression !== null) data = compression.decompress(body, readMaxBytes);
  const bytes = data instanceof Promise ? await data : data;
  try {
    return io.getI(binary).parse(bytes);
  } catch (error) {
    // The parser's own text quotes the message, and so perhaps a secret; and it calls broken protobuf our fault.
    throw new ConnectError(
      "the message cannot be read as the method's request",
      Code.InvalidArgument,
      undefined,
      undefined,
      error,
    );
  }
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

/** Handlers may answer with a plain object; those on the hot path make the message themselves. */
function whole(schema: DescMessage, output: MessageInitShape<DescMessage>): Message {
  return isMessage(output, schema) ? output : create(schema, output);
}

function text(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(",");
}
