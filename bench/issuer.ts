/** A trusted issuer with many keys, for the growth of look-ups by `kid`. */
import { createPrivateKey, generateKeyPairSync, sign, type JsonWebKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { BENCH_CLIENT } from "./bench-client.js";

const ISSUER = "https://idp.example.com";
const AUDIENCE = "https://tokens.example.com";

/** Makes an issuer with that many keys, public halves in `file`, and its entry for the settings. */
export function makeIssuer(file: string, keys: number): object {
  const pairs = Array.from({ length: keys }, () => generateKeyPairSync("ec", { namedCurve: "P-256" }));
  const jwks = pairs.map(({ publicKey }, at) => ({
    ...publicKey.export({ format: "jwk" }),
    kid: `k${at}`,
    use: "sig",
    alg: "ES256",
  }));
  writeFileSync(file, JSON.stringify({ keys: jwks }));
  // The middle key signs: neither end of a list that is searched.
  const kid = Math.floor(keys / 2);
  writeFileSync(
    `${file}.private`,
    JSON.stringify({ kid: `k${kid}`, ...pairs[kid]?.privateKey.export({ format: "jwk" }) }),
  );
  return {
    issuer: ISSUER,
    jwks_file: file,
    audience: AUDIENCE,
    algorithms: ["ES256"],
    use: ["subject_token"],
    subject: { claim: "sub", prefix: "idp:" },
  };
}

/** The exchange of a user's token that the issuer of `file` signed. */
export function userTokenForm(file: string): string {
  const jwk: JsonWebKey & { kid: string } = JSON.parse(readFileSync(`${file}.private`, "utf8"));
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: "ann", iat: now, exp: now + 3600 };
  const input = `${part({ alg: "ES256", kid: jwk.kid, typ: "JWT" })}.${part(claims)}`;
  const key = { key: createPrivateKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" as const };
  return new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    client_id: BENCH_CLIENT.id,
    client_secret: BENCH_CLIENT.secret,
    subject_token: `${input}.${sign("sha256", Buffer.from(input), key).toString("base64url")}`,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  }).toString();
}
