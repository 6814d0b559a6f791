/** Gives each request to whoever serves its path: the form endpoints and documents first, as they are asked for most. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import type { StreamListener } from "./http2-side.js";
import type { RestServer } from "./rest/rest-server.js";
import type { RpcServer } from "./rpc/rpc-server.js";
import { isMalformed } from "./request-line.js";
import { parseTarget } from "./target.js";

/** The listeners of the two halves of the port. */
export interface Dispatcher {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onStream: StreamListener;
}

/** Makes the listeners. What nobody serves is refused by `rest`. */
export function createDispatcher({ rest, rpc }: { readonly rest: RestServer; readonly rpc: RpcServer }): Dispatcher {
  const peers = new WeakMap<Http2Session, string>();
  /** Remembered: a session's socket is a proxy that is slow to ask. */
  function peerAddress({ session }: ServerHttp2Stream): string | undefined {
    if (session === undefined) return undefined;
    const known = peers.get(session);
    if (known !== undefined) return known;
    const address = session.socket.remoteAddress;
    if (address !== undefined) peers.set(session, address);
    return address;
  }

  return {
    onRequest(request, response) {
      if (isMalformed(request)) return rest.refuseHttp1(request, response);
      const target = parseTarget(request.url ?? "");
      if (rest.has(target.path) || !rpc.takeRequest(request, response, target.path)) {
        rest.serveHttp1(target, request, response);
      }
    },

    onStream(stream, headers, flags, rawHeaders) {
      stream.on("error", ignore); // a peer's reset: those who wait hear 'close'
      const target = parseTarget(headers[":path"] ?? "");
      const arrival = { headers, rawHeaders, peerAddress: peerAddress(stream) };
      const raw = { headers, flags, rawHeaders };
      if (rest.has(target.path) || !rpc.takeStream(stream, target.path, arrival, raw)) {
        rest.serveHttp2(target, stream, arrival);
      }
    },
  };
}

function ignore(): void {}
