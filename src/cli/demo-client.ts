import type { Client } from "../clients/client.js";
import type { Config } from "../config/config.js";

export const DEMO_CLIENT_ID = "demo";

/**
 * The client of a first start, where there are no settings and only this machine can call. It may do what Iceberg's
 * clients do by default. Its secret lives as long as the process. `sha256` is the digest of the secret, in hex.
 */
export function demoClient(sha256: string, config: Pick<Config, "issuer" | "tokens">): Client {
  return {
    id: DEMO_CLIENT_ID,
    name: "Demo client of this run",
    secrets: [{ kind: "digest", name: "demo", sha256, identifies: true, expiresAt: undefined }],
    federated: [],
    keys: undefined,
    singleUse: false,
    grants: new Set(["client_credentials", "token_exchange"]),
    scopes: { allowed: new Set(["catalog", "PRINCIPAL_ROLE:ALL"]), default: ["catalog"] },
    audiences: { allowed: new Set([config.issuer]), default: [config.issuer] },
    claims: {},
    userClaims: {},
    mayActFor: new Set(),
    accessTtlMs: config.tokens.accessTtlMs,
    permissions: new Set(),
    serves: undefined,
    disabled: false,
    actForIssuers: undefined,
    unsecuredSubjects: undefined,
    workload: undefined,
  };
}
