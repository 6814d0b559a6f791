/** Public keys as others see them: JWK (RFC 7517), their ids (RFC 7638), and the JWKS that is served. */
import { createHash, type KeyObject } from "node:crypto";
import type { KeyRing } from "./key-ring.js";
import type { PublicJwk, SigningAlgorithm } from "./signer.js";

/** The members that make a key's thumbprint, in the order in which they are hashed (RFC 7638 3.2, RFC 8037 2). */
const THUMBPRINT_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ["crv", "kty", "x", "y"],
  OKP: ["crv", "kty", "x"],
  RSA: ["e", "kty", "n"],
};

/** RFC 7638 thumbprint: SHA-256 of the required members, base64url. Throws for other key types. */
export function thumbprint(jwk: Readonly<Record<string, unknown>>): string {
  const members = THUMBPRINT_MEMBERS[String(jwk["kty"])];
  if (members === undefined) throw new Error("a signing key must be of type EC, OKP or RSA");
  const required = Object.fromEntries(members.map((name) => [name, jwk[name]]));
  return createHash("sha256").update(JSON.stringify(required)).digest("base64url");
}

/** The public half of a key, ready to be published. Whatever is private never gets past here. */
export function publicJwk(key: KeyObject, algorithm: SigningAlgorithm): PublicJwk {
  // A private JWK has the public members too, so only the names listed here are copied.
  const { kty, crv, x, y, n, e } = key.export({ format: "jwk" });
  if (kty === undefined) throw new Error("the key has no JWK form");
  return {
    kty,
    kid: thumbprint({ kty, crv, x, y, n, e }),
    use: "sig",
    alg: algorithm,
    ...(crv !== undefined && { crv }),
    ...(x !== undefined && { x }),
    ...(y !== undefined && { y }),
    ...(n !== undefined && { n }),
    ...(e !== undefined && { e }),
  };
}

/** A JWKS as it is served. */
export interface JwksDocument {
  /** A JWK Set as JSON, `{"keys":[...]}` (RFC 7517 section 5). */
  readonly body: string;
  /** Strong entity tag, quotes included; the same on every replica that publishes the same keys. */
  readonly etag: string;
  /** For `Cache-Control: max-age`. */
  readonly maxAgeSeconds: number;
}

/** The JWKS of a ring, now. */
export function jwksDocument(ring: Pick<KeyRing, "published">): JwksDocument {
  const { keys, maxAgeSeconds } = ring.published();
  const body = JSON.stringify({ keys });
  const digest = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return { body, etag: `"${digest}"`, maxAgeSeconds };
}
