/** Gives each request to the transport that serves its path. REST comes first: its paths are the ones asked most. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import { isRepeated } from "./caller.js";
import type { Exchange } from "./exchange.js";
import type { StreamListener } from "./http2-side.js";
import type { Target } from "./rest/rest-message.js";
import type { RestServer } from "./rest/rest-server.js";
import type { RawStream, RpcServer } from "./rpc/rpc-server.js";
import { abandon, guarded, type FaultListener } from "./guard.js";
import type { Pace } from "./pace.js";
import type { UnderWay } from "./under-way.js";

/** What Node keeps of a stream outside of V8 until its garbage is collected. */
const STREAM_BYTES = 2048;

export interface Dispatcher {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onStream: StreamListener;
}

export interface DispatcherOptions {
  readonly rest: RestServer;
  readonly rpc: RpcServer;
  readonly underWay: UnderWay;
  readonly pace: Pace;
  readonly onFault: FaultListener;
}

/** `rest` refuses what nobody serves. An error fails its own request only. */
export function createDispatcher({ rest, rpc, underWay, pace, onFault }: DispatcherOptions): Dispatcher {
  const peers = new WeakMap<Http2Session, string>();
  /** Remembered, because the socket of a session is a slow proxy. */
  function peerAddress({ session }: ServerHttp2Stream): string | undefined {
    if (session === undefined) return undefined;
    const known = peers.get(session);
    if (known !== undefined) return known;
    const address = session.socket.remoteAddress;
    if (address !== undefined) peers.set(session, address);
    return address;
  }

  const failed = (error: unknown, exchange: Exchange) => abandon(exchange, "request", error, onFault);

  const serveRequest = guarded((exchange: Exchange, request: IncomingMessage, response: ServerResponse) => {
    if (isMalformed(request)) return rest.refuseHttp1(request, response, exchange);
    const target = parseTarget(request.url ?? "");
    if (rest.has(target.path) || !rpc.takeRequest(request, response, target.path, exchange)) {
      rest.serveHttp1(target, request, response, exchange);
    }
  }, failed);

  const serveStream = guarded((exchange: Exchange, stream: ServerHttp2Stream, raw: RawStream) => {
    const target = parseTarget(raw.headers[":path"] ?? "");
    if (rest.has(target.path) || !rpc.takeStream(stream, target.path, exchange, raw)) {
      rest.serveHttp2(target, stream, exchange);
    }
  }, failed);

  return {
    onRequest(request, response) {
      if (response.destroyed) return;
      const { headers, rawHeaders, socket } = request;
      const arrival = { headers, rawHeaders, peerAddress: socket.remoteAddress };
      const exchange = underWay.begin(arrival, response);
      if (pace.spend(1)) serveRequest(exchange, request, response);
      else pace.wait(exchange, 1, () => serveRequest(exchange, request, response));
    },

    onStream(stream, headers, flags, rawHeaders) {
      stream.on("error", ignore); // a peer's reset: every waiter hears 'close'
      underWay.received(STREAM_BYTES);
      if (stream.destroyed || stream.closed) return underWay.aborted(); // the packet held a reset, too
      const arrival = { headers, rawHeaders, peerAddress: peerAddress(stream) };
      const exchange = underWay.begin(arrival, stream);
      const raw = { headers, flags, rawHeaders };
      if (pace.spend(1)) serveStream(exchange, stream, raw);
      else pace.wait(exchange, 1, () => serveStream(exchange, stream, raw));
    },
  };
}

function ignore(): void {}

const AUTHORITY = /^https?:\/\/[^/?#]*/i;

/** Splits a target. A proxy's absolute form counts as its path. Nothing is decoded or normalised. */
export function parseTarget(target: string): Target {
  const local = target.startsWith("/") ? target : target.replace(AUTHORITY, "");
  const at = local.indexOf("?");
  return at === -1 ? { path: local, query: undefined } : { path: local.slice(0, at), query: local.slice(at + 1) };
}

/** The characters of `uri-host [ ":" port ]` (RFC 3986 section 3.2.2). */
const HOST = /^[A-Za-z0-9._~!$&'()*+,;=%:[\]-]*$/;

/** A coding in front of `chunked`. Node's parser refuses any coding that does not end in `chunked`. */
const UNDER_CHUNKED = /,\s*chunked\s*$/i;

/**
 * Whether Node's parser should have refused this request. RFC 9112 asks for 400 in each case:
 * - A version other than HTTP/1: Node accepts 0.9 and 2.0.
 * - No `Host` in HTTP/1.1, more than one, or one that is no host (section 3.2).
 * - A transfer coding that nobody here decodes: its bytes would pass for the body (section 6.1).
 * - Any transfer coding in HTTP/1.0.
 */
export function isMalformed({ httpVersionMajor, httpVersionMinor, headers, rawHeaders }: IncomingMessage): boolean {
  const { host, "transfer-encoding": coding } = headers;
  return (
    httpVersionMajor !== 1 ||
    (host === undefined ? httpVersionMinor > 0 : !HOST.test(host)) ||
    (coding !== undefined && (httpVersionMinor === 0 || UNDER_CHUNKED.test(coding))) ||
    isRepeated(rawHeaders, "host")
  );
}
