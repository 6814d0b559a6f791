/** JOSE headers that must not be believed: those that a token may not have, and those that name a key to trust. */
import { Buffer } from "node:buffer";
import { createHmac, createPublicKey } from "node:crypto";
import type { Forgery } from "./forged-texts.js";
import { type ForgerKey, strangerKey } from "./world.js";

/** A token that is good as it is: what an attacker starts from. */
export interface Genuine {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** `alg` changed, with the old signature, none, or one keyed with what everybody knows. */
export function algorithms(token: string, publicJwk: Readonly<Record<string, unknown>>): Forgery[] {
  const [oldHeader = "", payload = "", signature = ""] = token.split(".");
  const header = JSON.parse(Buffer.from(oldHeader, "base64url").toString()) as object;
  const publicKey = createPublicKey({ key: { ...publicJwk }, format: "jwk" });
  const secrets: Readonly<Record<string, string | Buffer>> = {
    "the public key in PEM": publicKey.export({ type: "spki", format: "pem" }),
    "the public key in PEM without its last newline": String(
      publicKey.export({ type: "spki", format: "pem" }),
    ).trimEnd(),
    "the public key in DER": publicKey.export({ type: "spki", format: "der" }),
    "the public JWK": JSON.stringify(publicJwk),
    "the coordinate x": String(publicJwk["x"] ?? publicJwk["n"]),
    nothing: "",
  };
  const hashed = [256, 384, 512].flatMap((bits) =>
    Object.entries(secrets).map(([what, secret]) => {
      const input = `${encode({ ...header, alg: `HS${bits}` })}.${payload}`;
      const mac = createHmac(`sha${bits}`, secret).update(input).digest("base64url");
      return { name: `alg HS${bits}, keyed with ${what}`, token: `${input}.${mac}` };
    }),
  );
  const names = ["none", "None", "NONE", "nOnE", "none ", "es256", "ES256 ", "ES256K", "ES384", "RS1", "HS256", "dir"];
  const unusual = [
    ...names,
    "RSA1_5",
    "A128KW",
    "PBES2-HS256+A128KW",
    "",
    null,
    0,
    true,
    [],
    ["ES256"],
    { alg: "ES256" },
  ];
  const renamed = unusual.flatMap((alg) => {
    const changed = encode({ ...header, alg });
    const name = `alg ${JSON.stringify(alg)}`;
    return [
      { name: `${name} with the old signature`, token: `${changed}.${payload}.${signature}` },
      { name: `${name} without a signature`, token: `${changed}.${payload}.` },
      { name: `${name} with a signature of one byte`, token: `${changed}.${payload}.AA` },
    ];
  });
  const { alg: _, ...without } = header as { readonly alg?: unknown };
  return [...hashed, ...renamed, { name: "no alg", token: `${encode(without)}.${payload}.${signature}` }];
}

/** Members that no token may have, although the right key signed it. */
export function refusedMembers(key: ForgerKey, { header, claims }: Genuine): Forgery[] {
  const members: Readonly<Record<string, object>> = {
    "crit of a name that nobody knows": { crit: ["x-unknown"], "x-unknown": 1 },
    "crit of exp": { crit: ["exp"], exp: 1 },
    "crit of alg": { crit: ["alg"] },
    "crit empty": { crit: [] },
    "crit a text": { crit: "b64" },
    "crit null": { crit: null },
    "crit of a number": { crit: [1] },
    "crit an object": { crit: {} },
    "b64 false and critical": { b64: false, crit: ["b64"] },
    "b64 false": { b64: false },
    "b64 true and critical": { b64: true, crit: ["b64"] },
    "zip DEF": { zip: "DEF" },
    "enc A256GCM": { enc: "A256GCM" },
    "cty JWT": { cty: "JWT" },
    "cty jwt in lower case": { cty: "jwt" },
    "cty application/jwt": { cty: "application/jwt" },
    "cty a number": { cty: 1 },
    "typ dpop+jwt": { typ: "dpop+jwt" },
    "typ logout+jwt": { typ: "logout+jwt" },
    "typ secevent+jwt": { typ: "secevent+jwt" },
    "typ token-introspection+jwt": { typ: "token-introspection+jwt" },
    "typ application/logout+jwt": { typ: "application/logout+jwt" },
    "typ oauth-authz-req+jwt": { typ: "oauth-authz-req+jwt" },
    "typ a number": { typ: 1 },
    "typ null": { typ: null },
    "typ a list": { typ: ["JWT"] },
    "kid a number": { kid: 1 },
    "kid null": { kid: null },
    "kid a list": { kid: [key.kid] },
    "kid an object": { kid: { kid: key.kid } },
    "kid empty": { kid: "" },
    "kid unknown": { kid: "nobody" },
    "kid a path": { kid: "../../../../dev/null" },
    "kid a URL": { kid: "http://127.0.0.1:1/key" },
    "kid SQL": { kid: `${key.kid}' OR '1'='1` },
    "kid a command": { kid: `${key.kid}|/usr/bin/id` },
    "kid of an object's own": { kid: "__proto__" },
    "kid constructor": { kid: "constructor" },
    "kid with a newline": { kid: `${key.kid}\n` },
    "kid with a NUL": { kid: `${key.kid}\0` },
    "kid in upper case": { kid: key.kid.toUpperCase() },
    "kid of 257 bytes": { kid: "k".repeat(257) },
    "kid of 8 kilobytes": { kid: "k".repeat(8192) },
  };
  return Object.entries(members).map(([name, more]) => ({ name, token: key.sign({ ...header, ...more }, claims) }));
}

/** Headers that offer another key: `trap` is a URL that must never be called, and serves the key that would fit. */
export function offeredKeys({ header, claims }: Genuine, trap: string): Forgery[] {
  const { kid: _, ...jwk } = strangerKey.jwk;
  const offers: Readonly<Record<string, object>> = {
    "jwk in the header": { jwk },
    "jwk in the header with the trusted kid": { jwk: { ...jwk, kid: header["kid"] } },
    "jwk with a private member": { jwk: { ...jwk, d: "AA" } },
    "jku to a key set": { jku: `${trap}/jwks` },
    "jku that begins like the issuer": { jku: `https://idp.example.com@127.0.0.1:${new URL(trap).port}/jwks` },
    "x5u to a certificate": { x5u: `${trap}/cert.pem` },
    "x5c with a certificate": { x5c: ["MIIBszCCAVmgAwIBAgIUAAAA"] },
    "x5t of a certificate": { x5t: "AAAA", "x5t#S256": "AAAA" },
    "jwk, jku and x5u together": { jwk, jku: `${trap}/jwks`, x5u: `${trap}/cert.pem` },
    "iss of another key set in the header": { iss: trap },
  };
  const kids: Readonly<Record<string, object>> = {
    "the trusted kid": {},
    "no kid": { kid: undefined },
    "its own kid": { kid: "mine" },
  };
  return Object.entries(offers).flatMap(([what, offer]) =>
    Object.entries(kids).map(([which, named]) => ({
      name: `a stranger's signature, ${what}, ${which}`,
      token: strangerKey.sign({ ...header, ...named, ...offer }, claims),
    })),
  );
}

/** Headers that are no JSON object, or that parsers read differently; signed by the right key. */
export function unreadableHeaders(key: ForgerKey, { header, claims }: Genuine): Forgery[] {
  const good = JSON.stringify(header);
  const payload = Buffer.from(JSON.stringify(claims));
  const texts: Readonly<Record<string, string | Buffer>> = {
    "alg twice": good.replace("{", '{"alg":"none",'),
    "alg twice, once in escapes": good.replace("{", '{"\\u0061lg":"none",'),
    "kid twice": good.replace("{", '{"kid":"nobody",'),
    "a byte order mark in front": `\ufeff${good}`,
    "a comma at the end": good.replace(/\}$/, ",}"),
    "a comment": `/* */${good}`,
    "single quotes": good.replaceAll('"', "'"),
    "text behind it": `${good}x`,
    "a second object behind it": good + good,
    "UTF-16": Buffer.from(good, "utf16le"),
    "broken UTF-8": Buffer.concat([Buffer.from(good.replace(/\}$/, ',"x":"')), Buffer.of(0xff), Buffer.from('"}')]),
    "a list": `[${good}]`,
    "a text": '"alg"',
    null: "null",
    "a number": "1",
    "nothing but spaces": "   ",
    "17 levels": good.replace(/\}$/, `,"x":${"[".repeat(16)}${"]".repeat(16)}}`),
    "3,000 levels": good.replace(/\}$/, `,"x":${"[".repeat(3000)}${"]".repeat(3000)}}`),
  };
  return Object.entries(texts).map(([what, text]) => ({
    name: `a header that is ${what}`,
    token: key.signBytes(Buffer.from(text), payload),
  }));
}
