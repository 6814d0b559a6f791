/** Claims that make a token good for nothing although the right key signed it. */
import { Buffer } from "node:buffer";
import type { Genuine } from "./forged-headers.js";
import type { Forgery } from "./forged-texts.js";
import { CATALOG, type ForgerKey, ISSUER, PARTNER } from "./world.js";

/** Times, audiences and payloads that no token may have, for any use. `now` in seconds. */
export function refusedClaims(key: ForgerKey, genuine: Genuine, now: number): Forgery[] {
  return [...times(key, genuine, now), ...audiences(key, genuine), ...unreadablePayloads(key, genuine)];
}

function changed(key: ForgerKey, { header, claims }: Genuine, changes: Readonly<Record<string, object>>): Forgery[] {
  return Object.entries(changes).map(([name, change]) => ({
    name,
    token: key.sign(header, { ...claims, ...change }),
  }));
}

function times(key: ForgerKey, genuine: Genuine, now: number): Forgery[] {
  const nonNumbers: readonly unknown[] = [null, true, "soon", String(now + 300), [now + 300], {}, ""];
  const mistyped = ["exp", "nbf", "iat"].flatMap((name) =>
    nonNumbers.map((value) => [`${name} ${JSON.stringify(value)}`, { [name]: value }] as const),
  );
  return [
    ...changed(key, genuine, {
      ...Object.fromEntries(mistyped),
      "no exp": { exp: undefined },
      "exp passed beyond the leeway": { exp: now - 45 },
      "exp an hour ago": { exp: now - 3600 },
      "exp zero": { exp: 0 },
      "exp below zero": { exp: -1 },
      "exp in milliseconds below zero": { exp: -now * 1000 },
      "nbf ahead beyond the leeway": { nbf: now + 45 },
      "nbf in milliseconds": { nbf: now * 1000 },
      "iat ahead beyond the leeway": { iat: now + 75 },
      "iat in milliseconds": { iat: now * 1000 },
    }),
    ...["exp", "nbf", "iat"].flatMap((name) =>
      ["1e400", "-1e400", "NaN", "Infinity", "0x7fffffff", "1e", "+9999999999", "09999999999"].map((literal) => ({
        name: `${name} ${literal}`,
        token: key.signBytes(json(genuine.header), withLiteral(genuine, name, literal)),
      })),
    ),
  ];
}

function audiences(key: ForgerKey, genuine: Genuine): Forgery[] {
  const values: readonly unknown[] = [
    undefined,
    null,
    "",
    [],
    {},
    1,
    true,
    "*",
    [[ISSUER]],
    { 0: ISSUER },
    [ISSUER, 1],
    [ISSUER, null],
    CATALOG,
    [CATALOG],
    `${ISSUER}/`,
    `${ISSUER}.evil.example`,
    ISSUER.slice(0, -1),
    ISSUER.toUpperCase(),
    `${ISSUER} ${CATALOG}`,
    `${ISSUER},${CATALOG}`,
    ` ${ISSUER}`,
    `${ISSUER}\n`,
    `${ISSUER}\0`,
    `${ISSUER}#`,
    `${ISSUER}?`,
    ISSUER.replace("https", "http"),
    `${ISSUER}:443`,
    "https://tokens.example.com@evil.example",
    "https://kubernetes.default.svc",
  ];
  const named = values.map((aud) => [`aud ${JSON.stringify(aud) ?? "absent"}`, { aud }] as const);
  return changed(key, genuine, Object.fromEntries(named));
}

function unreadablePayloads(key: ForgerKey, { header, claims }: Genuine): Forgery[] {
  const good = JSON.stringify(claims);
  const twice = ["iss", "sub", "aud", "exp"].flatMap((name): [string, string][] => {
    const value = JSON.stringify(claims[name]);
    return [
      [`${name} twice with one value`, good.replace("{", `{"${name}":${value},`)],
      [`${name} twice, the first forged`, good.replace("{", `{"${name}":"forged",`)],
      [`${name} twice, the last forged`, good.replace(/\}$/, `,"${name}":"forged"}`)],
      [`${name} twice, once in escapes`, good.replace("{", `{"\\u00${hex(name)}${name.slice(1)}":${value},`)],
    ];
  });
  const texts: Readonly<Record<string, string | Buffer>> = {
    ...Object.fromEntries(twice),
    "a byte order mark in front": `\ufeff${good}`,
    "UTF-16": Buffer.from(good, "utf16le"),
    "broken UTF-8": Buffer.concat([Buffer.from(good.replace(/\}$/, ',"x":"')), Buffer.of(0xc3), Buffer.from('"}')]),
    "UTF-8 longer than need be": Buffer.concat([
      Buffer.from(good.replace(/\}$/, ',"x":"')),
      Buffer.of(0xc0, 0xaf),
      Buffer.from('"}'),
    ]),
    "a NUL behind it": `${good}\0`,
    "cut in the middle": good.slice(0, good.length >> 1),
    "a list": `[${good}]`,
    "a text": JSON.stringify(good),
    null: "null",
    true: "true",
    "a number": "42",
    "an empty object": "{}",
    spaces: "  ",
    "another JWT": key.sign(header, claims),
    "17 levels": good.replace(/\}$/, `,"x":${"[".repeat(16)}${"]".repeat(16)}}`),
    "4,000 levels": good.replace(/\}$/, `,"x":${"[".repeat(4000)}${"]".repeat(4000)}}`),
    "a comma at the end": good.replace(/\}$/, ",}"),
    "a member twice, deep inside": good.replace(/\}$/, ',"x":[{"a":1,"a":2}]}'),
  };
  return Object.entries(texts).map(([what, text]) => ({
    name: `a payload that is ${what}`,
    token: key.signBytes(json(header), Buffer.from(text)),
  }));
}

/** Issuers that are not the one whose key signed. */
export function refusedIssuers(key: ForgerKey, genuine: Genuine): Forgery[] {
  const iss = String(genuine.claims["iss"]);
  const values: readonly unknown[] = [
    undefined,
    null,
    "",
    1,
    [iss],
    { iss },
    `${iss}/`,
    `${iss} `,
    iss.toUpperCase(),
    `${iss}.evil.example`,
    iss.slice(0, -1),
    "https://idp.example.com@evil.example",
    "https://idp.exаmple.com",
    PARTNER,
    ISSUER,
    "spark",
    "*",
  ];
  const named = values.map((value) => [`iss ${JSON.stringify(value) ?? "absent"}`, { iss: value }] as const);
  return changed(key, genuine, Object.fromEntries(named));
}

/** Subjects that no name may be. */
export function refusedSubjects(key: ForgerKey, genuine: Genuine): Forgery[] {
  const values: readonly unknown[] = [
    undefined,
    null,
    "",
    0,
    true,
    ["alice"],
    { sub: "alice" },
    "alice\nroot",
    "alice\0",
    "alice\u202eroot",
    "ali\u200bce",
    "\ud800",
    "\u2028",
    "a".repeat(2049),
  ];
  const named = values.map((sub) => [`sub ${JSON.stringify(sub)?.slice(0, 40) ?? "absent"}`, { sub }] as const);
  return changed(key, genuine, Object.fromEntries(named));
}

/** What only other kinds of JWTs hold, and who may not act for the subject. */
export function refusedKinds(key: ForgerKey, genuine: Genuine): Forgery[] {
  return changed(key, genuine, {
    "a logout token's events": { events: { "http://schemas.openid.net/event/backchannel-logout": {} } },
    "a DPoP proof's htm": { htm: "POST", htu: ISSUER },
  });
}

/** `may_act` that names no client, or another one, or more than it. */
export function refusedMayAct(key: ForgerKey, genuine: Genuine): Forgery[] {
  const values: readonly unknown[] = [
    {},
    null,
    [],
    "spark",
    ["spark"],
    [{ sub: "spark" }],
    { sub: "trino" },
    { sub: ["spark"] },
    { sub: "SPARK" },
    { sub: "spark", iss: "https://idp.example.com" },
    { sub: "spark", client_id: "trino" },
    { sub: "spark", role: "admin" },
    { sub: null },
    { client_id: "trino" },
    { "": "spark" },
    { __proto__x: "spark" },
  ];
  const named = values.map((may_act) => [`may_act ${JSON.stringify(may_act)}`, { may_act }] as const);
  return changed(key, genuine, Object.fromEntries(named));
}

/** `act` that leaves no room for one more actor (at most four). */
export function refusedActors(key: ForgerKey, genuine: Genuine): Forgery[] {
  const nested = (depth: number): object => ({ sub: `actor-${depth}`, ...(depth > 1 && { act: nested(depth - 1) }) });
  return changed(key, genuine, { "act of four levels": { act: nested(4) }, "act of 14 levels": { act: nested(14) } });
}

function withLiteral({ claims }: Genuine, name: string, literal: string): Buffer {
  const { [name]: _, ...rest } = claims;
  return Buffer.from(JSON.stringify(rest).replace("{", `{"${name}":${literal},`));
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function hex(name: string): string {
  return name.charCodeAt(0).toString(16);
}
