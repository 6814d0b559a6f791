/** A gRPC service of `@grpc/grpc-js` that answers with what it was sent. */
import { promisify } from "node:util";
import * as grpc from "@grpc/grpc-js";

const bytes = { serialize: (value: string) => Buffer.from(value), deserialize: (value: Buffer) => value.toString() };
const method = (name: string, responseStream: boolean): grpc.MethodDefinition<string, string> => ({
  path: `/test.Echo/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
});
const SERVICE = { say: method("Say", false), sayTwice: method("SayTwice", true) };
const Client = grpc.makeGenericClientConstructor(SERVICE, "test.Echo");

export interface EchoClient extends Disposable {
  say(text: string): Promise<string>;
  sayTwice(text: string): Promise<readonly string[]>;
}

/** Starts it. `onCall` sees the metadata of every call that the interceptors let pass, and may refuse by throwing. */
export async function startEcho(
  options: grpc.ServerOptions,
  onCall: (metadata: grpc.Metadata) => void,
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = new grpc.Server(options);
  server.addService(SERVICE, {
    say(call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) {
      try {
        onCall(call.metadata);
        done(null, call.request);
      } catch (error) {
        done(error as grpc.ServiceError);
      }
    },
    sayTwice(call: grpc.ServerWritableStream<string, string>) {
      try {
        onCall(call.metadata);
        call.write(call.request);
        call.write(call.request);
        call.end();
      } catch (error) {
        call.emit("error", error);
      }
    },
  });
  const bind = promisify(server.bindAsync.bind(server));
  const port = await bind("127.0.0.1:0", credentials);
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      await Promise.resolve();
    },
  };
}

export function echoClient(
  port: number,
  options: Partial<grpc.ClientOptions> = {},
  credentials = grpc.credentials.createInsecure(),
): EchoClient {
  const client = new Client(`localhost:${port}`, credentials, options);
  const unary = client["say"]?.bind(client) as (
    text: string,
    done: (error: grpc.ServiceError | null, answer?: string) => void,
  ) => void;
  const stream = client["sayTwice"]?.bind(client) as (text: string) => grpc.ClientReadableStream<string>;
  return {
    say: (text) =>
      new Promise((resolve, reject) => unary(text, (error, answer) => (error ? reject(error) : resolve(answer ?? "")))),
    sayTwice: (text) => stream(text).toArray() as Promise<string[]>,
    [Symbol.dispose]: () => client.close(),
  };
}
