/** The settings of every replica, and the client that all load comes from. */
import { createHash, randomBytes } from "node:crypto";

/** How long a lost refresh answer can be asked for again: longer than any outage here, shorter than a scenario. */
export const GRACE_MS = 8000;

/** The client. Its secret lives as long as this process. */
export const CLIENT = { id: "spark", secret: `icm_${randomBytes(24).toString("base64url")}` } as const;

/** Life of an access token in seconds: short, because Iceberg's clients shall refresh often. */
const ACCESS_TTL_SECONDS = 5;

/** For all replicas of a run: they share keys. */
export const SEALING_KEY = randomBytes(32).toString("base64");

/** The settings; `redis` as the settings file has it. */
export function replicaSettings(redis: object, maxConnectionAgeSeconds: number): object {
  return {
    issuer: "https://tokens.example.com",
    redis,
    tokens: { access_ttl: `${ACCESS_TTL_SECONDS}s`, refresh_grace: `${GRACE_MS / 1000}s`, refresh_idle: "10m" },
    shutdown: { delay: "2s", grace: "5s" },
    http: { max_connection_age: `${maxConnectionAgeSeconds}s`, trusted_proxies: ["127.0.0.1/32"] },
    clients: [
      {
        id: CLIENT.id,
        secrets: [{ sha256: createHash("sha256").update(CLIENT.secret).digest("hex") }],
        grants: ["client_credentials", "token_exchange", "refresh_token"],
        permissions: ["revoke", "introspect", "watch_revocations"],
        unsecured_subjects: { allow: ["user-*"] },
      },
    ],
  };
}
