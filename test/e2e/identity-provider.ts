/** A company's identity provider that the server trusts: its settings entry, its keys, and the tokens of its users. */
import { SignJWT, exportJWK, generateKeyPair } from "jose";

/** Seconds. */
const LIFE = 300;

/** The provider. `jwks` goes into a file of the server's folder named `idp.jwks.json`. */
export interface IdentityProvider {
  /** An entry of `trusted_issuers`. */
  readonly settings: object;
  readonly jwks: string;
  /** A signed token of a user: for `audience`, good for five minutes but for what is given. */
  token(sub: string, claims?: Readonly<Record<string, unknown>>): Promise<string>;
}

const ISSUER = "https://idp.example.com";
const AUDIENCE = "https://tokens.example.com";

/** A new provider with an ES256 key; its users are `idp:<sub>` to the server. */
export async function createIdentityProvider(): Promise<IdentityProvider> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "idp-1", alg: "ES256", use: "sig" };
  return {
    settings: {
      issuer: ISSUER,
      jwks_file: "idp.jwks.json",
      audience: AUDIENCE,
      algorithms: ["ES256"],
      use: ["subject_token"],
      claims: ["email"],
      subject: { prefix: "idp:" },
    },
    jwks: JSON.stringify({ keys: [jwk] }),
    token(sub, claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: ISSUER, aud: AUDIENCE, sub, iat: now, exp: now + LIFE, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "idp-1" }).sign(privateKey);
    },
  };
}

/** A JWT without signature, as Trino makes one for `session=USER`. */
export function unsecuredJwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`;
}
