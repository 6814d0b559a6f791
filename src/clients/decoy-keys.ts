import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import type { JWK } from "jose";

/**
 * A public key for the algorithm, whose private key nobody has. It makes an assertion for an unknown client take the
 * time of one for a known client. Undefined for an algorithm that is not accepted.
 */
export function createDecoyKeys(random: (size: number) => Buffer): (algorithm: string) => JWK | undefined {
  const keys = new Map<string, JWK>([
    ["ES256", publicHalf(generateKeyPairSync("ec", { namedCurve: "P-256" }))],
    ["ES384", publicHalf(generateKeyPairSync("ec", { namedCurve: "P-384" }))],
    ["ES512", publicHalf(generateKeyPairSync("ec", { namedCurve: "P-521" }))],
    ["EdDSA", publicHalf(generateKeyPairSync("ed25519"))],
    ["RSA", rsaKey(random)],
  ]);
  return (algorithm) => {
    if (/^[RP]S(?:256|384|512)$/.test(algorithm)) return keys.get("RSA");
    return keys.get(algorithm === "Ed25519" ? "EdDSA" : algorithm);
  };
}

function publicHalf({ publicKey }: ReturnType<typeof generateKeyPairSync>): JWK {
  return publicKey.export({ format: "jwk" });
}

/** Any odd number of 2048 bits will do for a modulus: a key pair would take a tenth of a second to make. */
function rsaKey(random: (size: number) => Buffer): JWK {
  const modulus = Buffer.from(random(256));
  modulus[0] = 0xff;
  modulus[255] = (modulus[255] ?? 0) | 1;
  return { kty: "RSA", n: modulus.toString("base64url"), e: "AQAB" };
}
