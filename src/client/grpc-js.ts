/**
 * What `icemint/client/grpc-js` exports. `@grpc/grpc-js` itself is handed in: only its types are imported, and its
 * objects must be of the caller's own copy.
 */
import type * as grpcJs from "@grpc/grpc-js";
import type { TokenSource } from "./client.js";

type Grpc = Pick<typeof grpcJs, "credentials" | "Metadata">;

/**
 * Call credentials that send the source's token. gRPC sends them over TLS only; combine them with the channel's
 * credentials by `grpc.credentials.combineChannelCredentials`.
 */
export function grpcCallCredentials(grpc: Grpc, source: Pick<TokenSource, "token">): grpcJs.CallCredentials {
  return grpc.credentials.createFromMetadataGenerator((_call, done) => {
    source.token().then(
      (token) => {
        const metadata = new grpc.Metadata();
        metadata.set("authorization", `Bearer ${token}`);
        done(null, metadata);
      },
      (error: unknown) => done(error instanceof Error ? error : new Error("there is no token", { cause: error })),
    );
  });
}
