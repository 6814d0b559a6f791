/** The settings of `icemint edge`, read and checked. */
import type { ListenAddress } from "../../config/reading/listen-address.js";

export interface EdgeSettings {
  /** Base address of the token service, without a final slash. */
  readonly server: string;
  /** Path of the token endpoint under it. */
  readonly tokenPath: string;
  readonly credential: EdgeCredential;
  readonly outbound: OutboundSettings | undefined;
  readonly inbound: InboundSettings | undefined;
  readonly admin: ListenAddress;
}

/** The edge's own identity. Its file is read for each request. */
export type EdgeCredential =
  /** A JWT that others write: a service account's token or a JWT-SVID. It may name the client by itself. */
  | { readonly kind: "jwt"; readonly clientId: string | undefined; readonly file: string }
  | { readonly kind: "secret"; readonly clientId: string; readonly file: string }
  | {
      readonly kind: "private_key";
      readonly clientId: string;
      readonly file: string;
      /** `aud` of the assertions. Default: the token endpoint. */
      readonly audience: string | undefined;
    };

export type EndpointAddress =
  ({ readonly kind: "tcp" } & ListenAddress) | { readonly kind: "unix"; readonly path: string };

export interface OutboundSettings {
  /** Undefined: no local token endpoint, files only. */
  readonly listen: EndpointAddress | undefined;
  /** Names beyond loopback that `Host` may have. */
  readonly hosts: readonly string[];
  /** A file with the secret that engines must present. */
  readonly secretFile: string | undefined;
  readonly tokens: readonly TokenEntry[];
}

export interface TokenEntry {
  readonly name: string;
  readonly scope: string | undefined;
  readonly audience: readonly string[];
  readonly resource: readonly string[];
  /** Where the token is written, for programs that read files. */
  readonly file: string | undefined;
  /** The permissions of the file. */
  readonly mode: number;
}

export interface InboundSettings {
  /** gRPC: `envoy.service.auth.v3.Authorization` and `grpc.health.v1`. */
  readonly extAuthz: ListenAddress | undefined;
  /** HTTP: `/verify`. */
  readonly forwardAuth: ListenAddress | undefined;
  readonly issuer: string;
  readonly audience: string;
  /** The one header that forward-auth reads the path from. */
  readonly pathHeader: string | undefined;
  /** The first that fits applies. */
  readonly rules: readonly PathRule[];
  readonly maxStalenessMs: number;
  readonly whenStale: "refuse" | "allow";
  /** Whether the caller's `authorization` is removed from the request. */
  readonly strip: boolean;
}

export interface PathRule {
  /** In normal form. A final `/*` stands for the path itself and all below. */
  readonly path: string;
  readonly scopes: readonly string[];
}
