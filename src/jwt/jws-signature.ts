import { compactVerify, type JWK } from "jose";
import type { CompactJws } from "./compact-jws.js";

/**
 * Whether the key made the signature, by the header's algorithm, which the caller has found in its own list. `jose`
 * checks the length of ECDSA signatures and of RSA keys. A key that cannot be used made no signature.
 */
export async function hasSignature({ token, algorithm }: CompactJws, key: JWK): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch {
    return false;
  }
}
