/**
 * Node has a native half for each HTTP/2 session and stream. It aborts the process if garbage collection takes that of a
 * session while a stream of it still holds header fields: of trailers that are not whole, say. A stream that has ended
 * holds them until the next turn of the loop, or until it is collected itself, and nothing in Node keeps the session's
 * half until then. This does.
 */
import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from "node:http2";

/** Holds the half of a session for as long as that of a stream lives. */
const kept = new FinalizationRegistry<object>(ignore);

let nameOfHalf: symbol | undefined;

/** Keeps the half of a session for a turn after its end, when those of most of its streams go. */
export function keepNative(session: ServerHttp2Session): void {
  nameOfHalf ??= Object.getOwnPropertySymbols(session).find(({ description }) => description === "kHandle");
  const half = nativeHalf(session);
  session.once("close", () => setImmediate(() => half));
}

/** Keeps it for a stream that may end with bytes on their way out: Node leaves the half of such a one to be collected. */
export function keepNativeFor(stream: ServerHttp2Stream): void {
  const ofSession = nativeHalf(stream.session);
  const ofStream = nativeHalf(stream);
  if (ofSession === undefined || ofStream === undefined) return;
  stream.once("close", () => {
    if (!stream.endAfterHeaders && !stream.readableEnded) kept.register(ofStream, ofSession);
  });
}

/** Node has no public name for it. Undefined if it is gone, or named in another way. */
function nativeHalf(owner: Http2Session | ServerHttp2Stream | undefined): object | undefined {
  if (owner === undefined || nameOfHalf === undefined) return undefined;
  const half: unknown = Reflect.get(owner, nameOfHalf);
  return typeof half === "object" && half !== null ? half : undefined;
}

function ignore(): void {}
