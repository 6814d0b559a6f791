/**
 * Forged and tampered JWTs, in every place where the product takes one. Each set starts from a token that is shown to be
 * taken; none of its forgeries may be, and none may leave a trace in the log or in an answer.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningApp } from "../support/running-app.js";
import { documentServer, type DocumentServer } from "../issuers/document-server.js";
import {
  refusedActors,
  refusedClaims,
  refusedIssuers,
  refusedKinds,
  refusedMayAct,
  refusedSubjects,
} from "./forged-claims.js";
import { algorithms, type Genuine, offeredKeys, refusedMembers, unreadableHeaders } from "./forged-headers.js";
import {
  type Forgery,
  insertions,
  malleated,
  oneCharacterChanged,
  reshaped,
  signatures,
  outerSpaces,
} from "./forged-texts.js";
import { notRefusedBy } from "./not-refused.js";
import { type Place, presentByForm } from "./present-token.js";
import {
  billingKey,
  byPost,
  EXCHANGE,
  type ForgerKey,
  IDP,
  idpEdKey,
  idpKey,
  idpRsaKey,
  idpWeakKey,
  ISSUER,
  login,
  now,
  ordersKey,
  PARTNER,
  partnerKey,
  postForm,
  startWorld,
  strangerKey,
  typeUrn,
} from "./world.js";

let app: RunningApp;
let trap: DocumentServer;
/** Live tokens of client spark's own; the second is never forged. */
let own: string;
let untouched: string;
const presented = new Set<string>();

beforeAll(async () => {
  app = await startWorld();
  trap = await documentServer();
  trap.answers.set("/jwks", { body: { keys: [strangerKey.jwk] } });
  own = await login(app, "spark");
  untouched = await login(app, "spark");
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await trap[Symbol.asyncDispose]();
});

const header = (key: ForgerKey, typ = "JWT"): object => ({ alg: key.algorithm, typ, kid: key.kid });
const times = { iat: now - 5, exp: now + 900 };
const user = (): Genuine => ({
  header: { ...header(idpKey) },
  claims: { iss: IDP, aud: ISSUER, sub: "alice", ...times },
});
const pod = (): Genuine => ({
  header: { ...header(idpKey) },
  claims: { iss: IDP, aud: [ISSUER], sub: "system:serviceaccount:shop:pod", ...times },
});
const assertion = (key = ordersKey): Genuine => ({
  header: { ...header(key) },
  claims: { iss: "orders", sub: "orders", aud: ISSUER, jti: randomUUID(), ...times },
});

function notRefused(forgeries: readonly Forgery[], places: readonly Place[]): Promise<string[]> {
  for (const { token } of forgeries) presented.add(token);
  return notRefusedBy(app, forgeries, places, untouched);
}

const texts = (token: string): Forgery[] => [
  ...insertions(token),
  ...reshaped(token),
  ...signatures(token),
  ...oneCharacterChanged(token, 24),
];

/** Everything that the right key can be made to sign, and what others sign in its name. */
const signed = (key: ForgerKey, genuine: Genuine): Forgery[] => [
  ...algorithms(key.sign(genuine.header, genuine.claims), key.jwk),
  ...refusedMembers(key, genuine),
  ...offeredKeys(genuine, trap.url),
  ...unreadableHeaders(key, genuine),
  ...refusedClaims(key, genuine, now),
  ...refusedIssuers(key, genuine),
  ...refusedSubjects(key, genuine),
  ...refusedKinds(key, genuine),
];

describe("a token of this server", () => {
  const places: readonly Place[] = ["bearer", "actor", "subject access_token", "subject jwt"];

  test("is taken as it was issued", async () => {
    for (const place of places) expect(await presentByForm(app, place, own, untouched)).toMatchObject({ status: 200 });
  });

  test("is refused after any change of its text", async () => {
    expect(await notRefused(texts(own), places)).toEqual([]);
    expect(await notRefused(oneCharacterChanged(own, 100), ["bearer"])).toEqual([]);
  });

  test("is refused with another algorithm, and with a key of the attacker's", async () => {
    const jwks = (await (await fetch(`${app.url}/.well-known/jwks.json`)).json()) as {
      keys: Record<string, unknown>[];
    };
    expect(
      await notRefused([...algorithms(own, jwks.keys[0] ?? {}), ...offeredKeys(parts(own), trap.url)], places),
    ).toEqual([]);
  });

  test("is refused with changed claims, whichever trusted key signs them again", async () => {
    const { header: ownHeader, claims } = parts(own);
    const changes: Readonly<Record<string, object>> = {
      "the same claims": {},
      "another subject": { sub: "trino" },
      "another client": { client_id: "trino", sub: "trino" },
      "more scope": { scope: "catalog PRINCIPAL_ROLE:etl PRINCIPAL_ROLE:admin" },
      "a longer life": { exp: now + 10_000_000 },
      "a longer session": { session_exp: now + 10_000_000 },
      "a later beginning": { auth_time: now + 1 },
      "another session": { sid: "x" },
      "an actor": { act: { sub: "trino" } },
      "no audience": { aud: undefined },
    };
    const forgeries = Object.entries(changes).flatMap(([what, change]) =>
      [idpKey, idpRsaKey, partnerKey, ordersKey, strangerKey].flatMap((key) =>
        [ownHeader, { ...ownHeader, kid: key.kid }, { ...ownHeader, alg: key.algorithm, kid: key.kid }].map(
          (changed, index) => ({
            name: `${what}, signed by ${key.kid}, header ${index}`,
            token: key.sign(changed, { ...claims, ...change }),
          }),
        ),
      ),
    );
    expect(await notRefused(forgeries, [...places, "assertion", "secret", "basic"])).toEqual([]);
  });

  test("is no ID token, no assertion and no secret", async () => {
    expect(
      await notRefused([{ name: "own token", token: own }], ["subject id_token", "assertion", "secret", "basic"]),
    ).toEqual([]);
  });

  test("is told from a signed introspection answer, which the same key signs", async () => {
    const accept = { accept: "application/token-introspection+jwt" };
    const signedAnswer = await postForm(app, { token: own, ...byPost("spark") }, accept, "/v1/oauth/introspect");
    expect(signedAnswer.text.split(".")).toHaveLength(3);
    expect(await notRefused([{ name: "introspection", token: signedAnswer.text }], [...places, "assertion"])).toEqual(
      [],
    );
  });
});

describe("a user's token of a trusted issuer", () => {
  const places: readonly Place[] = ["subject jwt"];
  const good = () => idpKey.sign(user().header, user().claims);

  test("is taken as it was issued, whatever of the three types it is said to be", async () => {
    for (const place of ["subject jwt", "subject id_token", "subject access_token"] as const) {
      expect(await presentByForm(app, place, good(), own)).toMatchObject({ status: 200 });
    }
  });

  test.each(outerSpaces)("is accepted with %j before it and behind it, as a file brings it", async (space) => {
    for (const place of places) {
      expect(await presentByForm(app, place, space + good() + space, own)).toMatchObject({ status: 200 });
    }
  });

  test("is accepted for the issuer with a final slash", async () => {
    const token = idpKey.sign(pod().header, { ...pod().claims, aud: `${ISSUER}/` });
    expect(await presentByForm(app, "assertion", token, own)).toMatchObject({ status: 200 });
  });

  test("is refused after any change of its text", async () => {
    expect(await notRefused(texts(good()), places)).toEqual([]);
  });

  test("is refused for its header or its claims, although the issuer signed them", async () => {
    const forgeries = [...signed(idpKey, user()), ...refusedMayAct(idpKey, user()), ...refusedActors(idpKey, user())];
    expect(await notRefused(forgeries, ["subject jwt", "subject id_token"])).toEqual([]);
  });

  test("is refused when a key signs that is not that issuer's, or not for that algorithm", async () => {
    const { claims } = user();
    const partner = { ...claims, iss: PARTNER };
    const forgeries: Forgery[] = [
      { name: "a stranger with the right kid", token: strangerKey.sign(header(strangerKey), claims) },
      { name: "another trusted issuer", token: partnerKey.sign(header(partnerKey), claims) },
      { name: "another trusted issuer, this one's kid", token: partnerKey.sign(header(idpKey), claims) },
      { name: "this issuer in the other's name", token: idpKey.sign(header(idpKey), partner) },
      { name: "this issuer in the other's name and kid", token: idpKey.sign(header(partnerKey), partner) },
      { name: "a client's key", token: ordersKey.sign(header(idpKey), claims) },
      { name: "RSA of 1024 bits", token: idpWeakKey.sign(header(idpWeakKey), claims) },
      { name: "RSA of 1024 bits without kid", token: idpWeakKey.sign({ alg: "RS256" }, claims) },
      { name: "Ed25519, which the issuer may not use", token: idpEdKey.sign(header(idpEdKey), claims) },
      { name: "RS256 under the kid of the EC key", token: idpRsaKey.sign({ alg: "RS256", kid: "idp-1" }, claims) },
      { name: "RS256 called RS512", token: idpRsaKey.sign({ alg: "RS512", kid: "idp-rsa" }, claims) },
      { name: "RS256 called PS256", token: idpRsaKey.sign({ alg: "PS256", kid: "idp-rsa" }, claims) },
      { name: "RS256 called ES256", token: idpRsaKey.sign({ alg: "ES256", kid: "idp-rsa" }, claims) },
      { name: "an assertion's typ", token: idpKey.sign(header(idpKey, "client-authentication+jwt"), claims) },
    ];
    expect(await notRefused(forgeries, ["subject jwt", "subject id_token", "subject access_token"])).toEqual([]);
  });

  test("proves no client: not as Bearer, actor, assertion or secret", async () => {
    const forgeries = [{ name: "user's token", token: good() }];
    expect(await notRefused(forgeries, ["bearer", "actor", "assertion", "secret", "basic"])).toEqual([]);
  });

  test("names nobody of this server: a subject equal to a client's id keeps the issuer's prefix", async () => {
    const token = idpKey.sign(user().header, { ...user().claims, sub: "spark" });
    const { json } = await presentByForm(app, "subject jwt", token, own);
    expect(parts(String(json["access_token"])).claims).toMatchObject({ sub: "idp:spark", act: { sub: "spark" } });
  });
});

describe("an assertion that a client signed", () => {
  const sign = (): string => ordersKey.sign(assertion().header, assertion().claims);

  test("is taken once", async () => {
    const token = sign();
    expect(await presentByForm(app, "assertion", token, own)).toMatchObject({ status: 200 });
    expect(await notRefused([{ name: "used before", token }], ["assertion"])).toEqual([]);
  });

  test("is refused after any change of its text", async () => {
    expect(await notRefused(texts(sign()), ["assertion"])).toEqual([]);
  });

  test("is refused for its header or its claims, although the client signed them", async () => {
    const { claims } = assertion();
    const more: Readonly<Record<string, object>> = {
      "two audiences": { aud: [ISSUER, "https://other.example.com"] },
      "an exp of two hours": { exp: now + 7200 },
      "an iat of two hours ago": { iat: now - 7200 },
      "a jti that is no text": { jti: 1 },
      "an empty jti": { jti: "" },
      "a jti of a kilobyte": { jti: "j".repeat(1024) },
      "another client's name": { iss: "billing", sub: "billing" },
      "a client that has no key": { iss: "spark", sub: "spark" },
      "a client that does not exist": { iss: "nobody", sub: "nobody" },
      "this server's name": { iss: ISSUER, sub: ISSUER },
      "two names": { iss: "orders", sub: "billing" },
    };
    const forgeries = Object.entries(more).map(([name, change]) => ({
      name,
      token: ordersKey.sign(assertion().header, { ...claims, ...change }),
    }));
    const refused = [...signed(ordersKey, assertion()), ...forgeries].filter(isNotForIssuerWithSlash);
    expect(await notRefused(refused, ["assertion"])).toEqual([]);
  });

  test("is refused when another client, an issuer or a stranger signs it", async () => {
    const forgeries = [billingKey, idpKey, partnerKey, strangerKey].flatMap((key) => [
      { name: key.kid, token: key.sign(assertion(key).header, assertion().claims) },
      { name: `${key.kid} under the client's kid`, token: key.sign(assertion().header, assertion().claims) },
      { name: `${key.kid} without kid`, token: key.sign({ alg: "ES256" }, assertion().claims) },
    ]);
    expect(await notRefused(forgeries, ["assertion"])).toEqual([]);
  });

  test("is nothing else: no secret, no subject, no actor, no Bearer", async () => {
    const forgeries = [{ name: "assertion", token: sign() }];
    expect(await notRefused(forgeries, ["secret", "basic", "subject jwt", "actor", "bearer"])).toEqual([]);
  });
});

/** An assertion may be for the issuer with a final slash too; a user's token may not. */
const isNotForIssuerWithSlash = ({ name }: Forgery): boolean => name !== `aud "${ISSUER}/"`;

describe("a workload's token that stands for a client", () => {
  const places: readonly Place[] = ["assertion", "secret", "basic"];
  const good = (): string => idpKey.sign(pod().header, pod().claims);

  test("is taken as it was issued, as often as it is sent", async () => {
    for (const place of [...places, ...places]) {
      expect(await presentByForm(app, place, good(), own)).toMatchObject({ status: 200 });
    }
  });

  test("is refused after any change of its text", async () => {
    expect(await notRefused(texts(good()), places)).toEqual([]);
  });

  test("is refused for its header or its claims, although the issuer signed them", async () => {
    const more = ["system:serviceaccount:shop:po", "system:serviceaccount:shop:pod2", "pod", "spark", "*"].map(
      (sub) => ({
        name: `subject ${sub}`,
        token: idpKey.sign(pod().header, { ...pod().claims, sub }),
      }),
    );
    const shared = idpKey.sign(pod().header, { ...pod().claims, aud: [ISSUER, "https://kubernetes.default.svc"] });
    const accessToken = idpKey.sign({ ...pod().header, typ: "at+jwt" }, pod().claims);
    const forgeries = [
      ...signed(idpKey, pod()).filter(isNotForIssuerWithSlash),
      ...more,
      { name: "an audience shared with another server", token: shared },
      { name: "an access token of the issuer", token: accessToken },
    ];
    expect(await notRefused(forgeries, places)).toEqual([]);
  });

  test("is refused of an issuer that is trusted for users only", async () => {
    const token = partnerKey.sign(header(partnerKey), { ...pod().claims, iss: PARTNER });
    expect(await notRefused([{ name: "partner", token }], places)).toEqual([]);
  });
});

describe("the other signature (r, n - s), which verifies wherever the first does", () => {
  test("makes no second assertion of one that was used", async () => {
    const token = ordersKey.sign(assertion().header, assertion().claims);
    const twin = malleated(token);
    expect(await presentByForm(app, "assertion", twin, own)).toMatchObject({ status: 200 });
    expect(await notRefused([{ name: "the first", token }], ["assertion"])).toEqual([]);
  });

  test("makes no second token of ours: it is of the same session, and revoked with it", async () => {
    const token = await login(app, "spark");
    const twin = malleated(token);
    const form = { grant_type: EXCHANGE, subject_token: twin, subject_token_type: typeUrn("access_token") };
    const { json } = await postForm(app, form, { authorization: `Bearer ${twin}` });
    expect(parts(String(json["access_token"])).claims["sid"]).toBe(parts(token).claims["sid"]);
    const revoked = await postForm(app, { token, ...byPost("spark") }, {}, "/v1/oauth/revoke");
    expect(revoked.status).toBe(200);
    expect(await notRefused([{ name: "revoked twin", token: twin }], ["bearer", "actor"])).toEqual([]);
  });
});

describe("after all of them", () => {
  test("more than 1,500 different tokens were presented", () => {
    expect(presented.size).toBeGreaterThan(1500);
  });

  test("no key was fetched from where a token said", () => {
    expect(trap.seen).toEqual([]);
  });

  test("nothing of a token stands in the log", () => {
    const log = app.log.join("");
    const tokens = [...presented].join("\n");
    const longWords = new Set(log.match(/[A-Za-z0-9_-]{24,}/g));
    expect([...longWords].filter((word) => tokens.includes(word))).toEqual([]);
    expect(log).not.toContain('"level":"error"');
  });

  test("the server still gives tokens to honest callers", async () => {
    expect((await login(app, "spark")).split(".")).toHaveLength(3);
  });

  test("a token is refused from the second at which it expires", async () => {
    app.pass(3601);
    expect(await notRefused([{ name: "expired", token: untouched }], ["bearer", "actor"])).toEqual([]);
  });
});

/** Header and claims of a JWT, unverified. */
function parts(token: string): Genuine {
  const [ofHeader = {}, claims = {}] = token
    .split(".", 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>);
  return { header: ofHeader, claims };
}
