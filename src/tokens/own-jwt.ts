/** What every access token of ours looks like from outside: what the issuer writes, and the verifier alone accepts. */
import { Buffer } from "node:buffer";
import type { Signer } from "../keys/signer.js";

/** Longer tokens do not fit the headers that they travel in. */
export const MAX_TOKEN_BYTES = 8 * 1024;

/** The last header that was encoded: nearly all tokens are of the key that signs now. */
let lastHeader = { kid: "", algorithm: "", text: "" };

/** The protected header of every token that a key signs, encoded. The verifier takes no other. */
export function encodedHeader({ kid, algorithm }: Pick<Signer, "kid" | "algorithm">): string {
  if (lastHeader.kid !== kid || lastHeader.algorithm !== algorithm) {
    lastHeader = { kid, algorithm, text: encoded(JSON.stringify({ alg: algorithm, typ: "at+jwt", kid })) };
  }
  return lastHeader.text;
}

/** Text as base64url. */
export function encoded(text: string): string {
  return Buffer.from(text).toString("base64url");
}
