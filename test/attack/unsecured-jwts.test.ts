/** JWTs without a signature: taken from whom the settings name, as the one thing that they may be, and nowhere else. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningApp } from "../support/running-app.js";
import { notRefusedBy } from "./not-refused.js";
import type { Place } from "./present-token.js";
import { byPost, EXCHANGE, IDP, ISSUER, login, now, postForm, startWorld, typeUrn } from "./world.js";

let app: RunningApp;
let own: string;

beforeAll(async () => {
  app = await startWorld();
  own = await login(app, "spark");
});
afterAll(() => app[Symbol.asyncDispose]());

describe("an unsecured JWT", () => {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const unsecured = (claims: object): string => `${encode({ alg: "none" })}.${encode(claims)}.`;
  const byGateway = (token: string, type = "jwt") => {
    const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: typeUrn(type) };
    return postForm(app, { ...form, ...byPost("gateway") });
  };

  test.each([
    ["no exp", {}],
    ["an exp ahead", { exp: now + 300 }],
    ["an nbf that has passed", { nbf: now - 300 }],
  ])("with %s is taken of a client whose record allows its subject", async (_, more) => {
    expect(await byGateway(unsecured({ sub: "alice@example.com", ...more }))).toMatchObject({ status: 200 });
  });

  test.each([
    ["an exp that has passed", { exp: now - 300 }],
    ["an nbf ahead", { nbf: now + 300 }],
    ["an iat ahead", { iat: now + 300 }],
    ["an exp that is no number", { exp: String(now + 300) }],
    ["the name of a client", { sub: "spark" }],
    ["a name that an issuer gives", { sub: "idp:alice" }],
    ["a name with a control character", { sub: "alice\nroot@example.com" }],
    ["a name that is no text", { sub: ["alice@example.com"] }],
    ["no name", { sub: undefined }],
    ["another actor in may_act", { may_act: { sub: "spark" } }],
  ])("with %s is refused even there", async (_, more) => {
    const answer = await byGateway(unsecured({ sub: "alice@example.com", ...more }));
    expect(answer).toMatchObject({ status: 400, json: { error: "invalid_request" } });
  });

  test.each(["id_token", "access_token"])("is refused even there as %s", async (type) => {
    const answer = await byGateway(unsecured({ sub: "alice@example.com" }), type);
    expect(answer).toMatchObject({ status: 400, json: { error: "invalid_request" } });
  });

  test("is refused everywhere, for a client whose record does not allow it", async () => {
    const ofIssuer = { iss: IDP, aud: ISSUER, sub: "alice", exp: now + 900 };
    const ofOurs: unknown = JSON.parse(Buffer.from(own.split(".")[1] ?? "", "base64url").toString());
    const claimSets: readonly unknown[] = [ofIssuer, { sub: "alice" }, { sub: "spark" }, ofOurs];
    const forgeries = claimSets.flatMap((claims, index) =>
      ["none", "None", "NONE", ""].map((alg) => ({
        name: `claims ${index}, alg ${alg}`,
        token: `${encode({ alg, typ: "JWT" })}.${encode(claims)}.`,
      })),
    );
    const places: readonly Place[] = ["subject jwt", "subject id_token", "subject access_token", "actor", "bearer"];
    expect(await notRefusedBy(app, forgeries, [...places, "assertion", "secret", "basic"], own)).toEqual([]);
  });
});
