import { randomUUID } from "node:crypto";
import { type JSONWebKeySet, SignJWT, exportJWK, generateKeyPair } from "jose";

/** The key pair of a client that proves itself by `private_key_jwt`. */
export interface AssertionKey {
  readonly jwks: JSONWebKeySet;
  /** An assertion as Nimbus makes it: no `iat`, one audience, which is the token endpoint's address. */
  assertion(audience: string): Promise<string>;
}

/** A new one, PS512 as Dremio's default. */
export async function createAssertionKey(clientId: string): Promise<AssertionKey> {
  const { publicKey, privateKey } = await generateKeyPair("PS512");
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "PS512", use: "sig" }] },
    assertion: (audience) =>
      new SignJWT({ iss: clientId, sub: clientId, aud: audience, jti: randomUUID() })
        .setProtectedHeader({ kid: "k1", alg: "PS512" })
        .setExpirationTime("5m")
        .sign(privateKey),
  };
}
