/**
 * The settings that `app.ts` composes from: read, checked and frozen. Durations in milliseconds. `read.ts` makes them: from
 * the variables (`env.ts`), the YAML (`schema.ts`), the defaults (`shape.ts`) and the rules (`rules.ts`). Clients and
 * issuers each have such files of their own.
 */
import type { Client } from "../clients/client.js";
import type { WorkloadRule } from "../clients/workload-rule.js";
import type { GcraPolicy } from "../limits/gcra.js";
import type { SigningAlgorithm } from "../keys/signer.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";
import type { ListenAddress } from "./reading/listen-address.js";

/** TLS material, by file: a renewed certificate takes effect. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** TLS of a connection to Redis or to a Sentinel, by file: a renewed certificate takes effect. */
export interface RedisTlsSettings {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** The name that the certificate must carry, where it is not that of the address. */
  readonly servername: string | undefined;
}

export interface RedisSettings {
  readonly topology:
    | {
        readonly kind: "single";
        readonly url: string;
        /** The file that the URL came from: its user and password are read for each connection. */
        readonly urlFile: string | undefined;
      }
    | {
        readonly kind: "sentinel";
        readonly hosts: readonly string[];
        readonly master: string;
        readonly username: string | undefined;
        readonly passwordFile: string | undefined;
        /** Of the connections to Sentinels; undefined: in clear. */
        readonly tls: RedisTlsSettings | undefined;
      }
    | { readonly kind: "cluster"; readonly hosts: readonly string[] };
  /** Starts every key. */
  readonly prefix: string;
  readonly username: string | undefined;
  /** Read for each connection: a rotated password takes effect. */
  readonly passwordFile: string | undefined;
  readonly tls: RedisTlsSettings | undefined;
}

export interface KeySettings {
  readonly algorithm: SigningAlgorithm;
  readonly rotateEveryMs: number;
  readonly publishAheadMs: number;
  /** PEM or JWK files; then nothing rotates by itself. */
  readonly files: readonly string[];
  /** The sealed ring on disk: a replica can start with it while Redis is away. */
  readonly cacheFile: string | undefined;
  /** 32-byte keys: the first seals, all open. */
  readonly sealingKeys: readonly Buffer[];
  /** A Vault transit-compatible signer instead of local keys. */
  readonly vault:
    { readonly url: string; readonly key: string; readonly mount: string; readonly tokenFile: string } | undefined;
}

/** What may change while the server runs: replaced whole, never half. */
export interface ReloadableConfig {
  readonly clients: readonly Client[];
  readonly workloads: readonly WorkloadRule[];
  readonly trustedIssuers: readonly TrustedIssuer[];
  /** Names the three above: equal for equal settings. */
  readonly digest: string;
  /** Warnings for a person, printed at start and at every reload. */
  readonly warnings: readonly string[];
}

export interface Config extends ReloadableConfig {
  /** The YAML file, if there is one, and all files that it brought in: watched for changes. */
  readonly files: readonly string[];
  /** Absolute patterns of client files (`clients_files`): a new file that matches is a change too. */
  readonly filePatterns: readonly string[];
  readonly listen: ListenAddress;
  readonly adminListen: ListenAddress;
  /** Whether the admin address shows a status page: to anyone, to a client with `observe`, or not. */
  readonly statusPage: "open" | "guarded" | "off";
  /** `iss` of every token, byte for byte. */
  readonly issuer: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly redis: RedisSettings | undefined;
  readonly tokens: {
    readonly accessTtlMs: number;
    readonly sessionTtlMs: number;
    readonly refreshGraceMs: number;
    readonly refreshIdleMs: number;
  };
  readonly revocation: { readonly maxStalenessMs: number };
  readonly keys: KeySettings;
  readonly limits: {
    readonly failures: GcraPolicy;
    readonly maxConnections: number;
    /** Of one address; trusted proxies and loopback may have more. */
    readonly connectionsPerAddress: number;
    readonly maxInFlight: number;
  };
  readonly http: {
    /** Paths of the token endpoint besides `TOKEN_PATH`. */
    readonly tokenPaths: readonly string[];
    /** CIDR blocks whose X-Forwarded-For is believed. */
    readonly trustedProxies: readonly string[];
    readonly corsOrigins: readonly string[];
    readonly tls: TlsFiles | undefined;
    /** A connection is asked to close after this, with jitter: replicas that join get load. */
    readonly maxConnectionAgeMs: number;
    /** Whether gRPC reflection is served. */
    readonly reflection: boolean;
  };
  readonly shutdown: {
    /** How long to go on serving after readiness failed, for balancers to notice. */
    readonly delayMs: number;
    /** How long requests in flight may take after that. */
    readonly graceMs: number;
  };
  readonly telemetry: { readonly otlpEndpoint: string | undefined };
  /** Whether a demo client is made: no config file and a loopback address. */
  readonly demo: boolean;
}
