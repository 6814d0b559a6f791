/** The outer form of our access tokens, shared by the issuer and the verifier. */
import { Buffer } from "node:buffer";
import type { Signer } from "../keys/signer.js";

/** Common servers limit a header to 8 KiB, and a Bearer token travels in one. */
export const MAX_TOKEN_BYTES = 8 * 1024;

/** The protected header of every token that a key signs, encoded. The verifier accepts no other. */
export function encodedHeader({ kid, algorithm }: Pick<Signer, "kid" | "algorithm">): string {
  return encoded(JSON.stringify({ alg: algorithm, typ: "at+jwt", kid }));
}

/** A string as base64url of its UTF-8. */
export function encoded(text: string): string {
  return Buffer.from(text).toString("base64url");
}
