/**
 * The exports of `icemint/client/grpc-js`. The caller passes `@grpc/grpc-js` itself: only its types are imported,
 * because its objects must come from the caller's copy.
 */
import type * as grpcJs from "@grpc/grpc-js";
import type { TokenSource } from "./client.js";

type Tokens = Pick<TokenSource, "token" | "invalidate">;

/**
 * Call credentials that send the source's token. gRPC sends them over TLS only; combine them with the channel's
 * credentials by `grpc.credentials.combineChannelCredentials`. They never see the end of a call: only the interceptor
 * can retry.
 */
export function grpcCallCredentials(
  grpc: Pick<typeof grpcJs, "credentials" | "Metadata">,
  source: Pick<TokenSource, "token">,
): grpcJs.CallCredentials {
  async function generate(done: (error: Error | null, metadata?: grpcJs.Metadata) => void): Promise<void> {
    const metadata = new grpc.Metadata();
    try {
      await addToken(source, metadata);
    } catch (error) {
      return done(asError(error));
    }
    done(null, metadata);
  }
  return grpc.credentials.createFromMetadataGenerator((_call, done) => void generate(done));
}

async function addToken(source: Pick<TokenSource, "token">, metadata: grpcJs.Metadata): Promise<string> {
  const token = await source.token();
  metadata.set("authorization", `Bearer ${token}`);
  return token;
}

type Grpc = Pick<typeof grpcJs, "InterceptingCall" | "Metadata" | "status">;
type Call = ReturnType<grpcJs.NextCall>;

/**
 * A client interceptor that sends the source's token, over TLS or not. A unary call that ends with UNAUTHENTICATED is
 * tried once more with another token; a stream is not, but the next call gets another token.
 */
export function grpcInterceptor(grpc: Grpc, source: Tokens): grpcJs.Interceptor {
  return (options, nextCall) => {
    const { requestStream, responseStream } = options.method_definition;
    const isUnary = !requestStream && !responseStream;
    let sent: unknown;
    let second: Call | undefined;

    async function tryAgain(metadata: grpcJs.Metadata, listener: grpcJs.InterceptingListener): Promise<void> {
      try {
        await addToken(source, metadata);
      } catch (error) {
        return failWithoutToken(grpc, listener, error);
      }
      second = nextCall(options);
      second.start(metadata, listener);
      second.sendMessage(sent);
      second.halfClose();
    }

    /** Holds a unary answer back until the status: the empty message of a failed call comes first. */
    function watching(token: string, metadata: grpcJs.Metadata, listener: grpcJs.InterceptingListener) {
      let deliver: (() => void) | undefined;
      return {
        onReceiveMessage(message: unknown, proceed: (message: unknown) => void): void {
          if (isUnary) deliver = () => proceed(message);
          else proceed(message);
        },
        onReceiveStatus(status: grpcJs.StatusObject, proceed: (status: grpcJs.StatusObject) => void): void {
          const isAnother = status.code === grpc.status.UNAUTHENTICATED && source.invalidate(token);
          if (isAnother && isUnary) return void tryAgain(metadata, listener);
          deliver?.();
          proceed(status);
        },
      };
    }

    return new grpc.InterceptingCall(nextCall(options), {
      async start(metadata, listener, next) {
        let token: string;
        try {
          token = await addToken(source, metadata);
        } catch (error) {
          return failWithoutToken(grpc, listener, error);
        }
        next(metadata, watching(token, metadata, listener));
      },
      sendMessage(message, next) {
        sent = message;
        next(message);
      },
      cancel(next) {
        if (second === undefined) next();
        else second.cancelWithStatus(grpc.status.CANCELLED, "Cancelled on client");
      },
    });
  };
}

/** The call was never sent. */
function failWithoutToken(grpc: Grpc, listener: grpcJs.InterceptingListener, error: unknown): void {
  const { message } = asError(error);
  listener.onReceiveMessage(null);
  listener.onReceiveStatus({ code: grpc.status.UNAVAILABLE, details: message, metadata: new grpc.Metadata() });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("there is no token", { cause: error });
}
