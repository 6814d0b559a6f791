/** A server with a rule for a cluster's workloads, an issuer of users, and a client with a key and one with a secret. */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ServerProcess } from "../support/server-process.js";
import { signingKey } from "../tokens/signing-key.js";

const CLUSTER = "https://kubernetes.default.svc";
const USERS = "https://idp.example.com";
/** Where the users' tokens are for. */
export const CATALOG = "https://catalog.example.com";

type Claims = Readonly<Record<string, unknown>>;

export interface WorkloadWorld extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly tokenUrl: string;
  /** Secret of client `broker`. */
  readonly secret: string;
  /** The RSA key of client `prometheus`, PEM. */
  readonly privateKey: string;
  /** The token that a kubelet writes for service account `orders` of namespace `shop`. */
  projected(claims?: Claims): string;
  /** A token of user `ada`. */
  user(claims?: Claims): string;
  /** An assertion of the users' issuer that `broker` may act for `ada`. */
  idJag(claims?: Claims): string;
  /** A file with this text, and its path. */
  file(name: string, text: string): string;
}

/** `audiences`: what tokens of its clients may be for, beside what each has by itself. */
export async function startWorkloadWorld({
  audiences = [],
}: { readonly audiences?: readonly string[] } = {}): Promise<WorkloadWorld> {
  const cluster = signingKey("RS256", "cluster");
  const users = signingKey("ES256", "users");
  const secret = generateSecret(randomBytes);
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: "jwk" }), alg: "RS256", use: "sig" };
  const own = audiences.length > 0 && { audiences: { allowed: audiences } };
  const server = await ServerProcess.start({
    settings: {
      trusted_issuers: [
        { issuer: CLUSTER, jwks_file: "cluster.json", use: ["client_assertion"] },
        {
          issuer: USERS,
          jwks_file: "users.json",
          audience: CATALOG,
          use: ["subject_token", "id_jag"],
          subject: { prefix: "idp:" },
        },
      ],
      clients: [
        {
          id: "broker",
          secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }],
          grants: ["client_credentials", "token_exchange", "jwt_bearer"],
          audiences: { allowed: [CATALOG, ...audiences], default: [CATALOG] },
        },
        { id: "prometheus", jwks: { keys: [jwk] }, grants: ["client_credentials", "jwt_bearer"], ...own },
      ],
      workloads: [
        {
          name: "shop",
          issuer: CLUSTER,
          subject: "system:serviceaccount:shop:*",
          client_id: "shop/{1}",
          grants: ["client_credentials", "token_exchange", "jwt_bearer"],
          act_for_issuers: [USERS],
          ...own,
        },
      ],
    },
    files: {
      "cluster.json": JSON.stringify({ keys: [cluster.jwk] }),
      "users.json": JSON.stringify({ keys: [users.jwk] }),
    },
  });
  const now = (): number => Math.floor(Date.now() / 1000);
  return {
    server,
    tokenUrl: `${server.url}/v1/oauth/tokens`,
    secret,
    privateKey: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    projected(claims = {}) {
      const sub = "system:serviceaccount:shop:orders";
      return cluster.sign({ iss: CLUSTER, sub, aud: [server.url], iat: now(), exp: now() + 3607, ...claims });
    },
    user: (claims = {}) =>
      users.sign({ iss: USERS, sub: "ada", aud: CATALOG, iat: now(), exp: now() + 300, ...claims }),
    idJag(claims = {}) {
      const named = { iss: USERS, sub: "ada", aud: server.url, client_id: "broker", jti: "one" };
      return users.sign({ ...named, iat: now(), exp: now() + 300, ...claims }, { typ: "oauth-id-jag+jwt" });
    },
    file(name, text) {
      const path = join(server.folder, name);
      writeFileSync(path, text);
      return path;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
