/** PyIceberg, Polaris' SDK and PyJWT, unmodified, against the built server. */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { pythonEnvironment } from "../support/python-env.js";
import { ServerProcess } from "../support/server-process.js";
import { FakeCatalog } from "./fake-catalog.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { postForm } from "./http-exchange.js";
import { type IdentityProvider, createIdentityProvider } from "./identity-provider.js";
import { verifyThroughRotations } from "./key-rotations.js";
import { LineProgram } from "./line-program.js";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";

const environment = await pythonEnvironment();

describe.skipIf("missing" in environment)(`Python${"missing" in environment ? environment.missing : ""}`, () => {
  const secret = generateSecret(randomBytes);
  const own = { client_id: "spark-etl", client_secret: secret };
  let provider: IdentityProvider;
  let server: ServerProcess;
  let python: LineProgram;

  beforeAll(async () => {
    provider = await createIdentityProvider();
    const settings = {
      trusted_issuers: [provider.settings],
      clients: [{ id: "spark-etl", secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }] }],
    };
    server = await ServerProcess.start({ settings, files: { "idp.jwks.json": provider.jwks } });
    const interpreter = "python" in environment ? environment.python : "";
    python = new LineProgram(interpreter, [join(import.meta.dirname, "python", "clients.py")]);
  });
  afterAll(async () => {
    await python[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  describe("PyIceberg 0.12.0", () => {
    const load = (catalog: FakeCatalog, properties: object): object => {
      const tokens = { "oauth2-server-uri": `${server.url}/v1/oauth/tokens` };
      return { do: "pyiceberg", properties: { uri: catalog.url, ...tokens, ...properties } };
    };

    test.each([
      { how: "credential with id", properties: { credential: `spark-etl:${secret}` } },
      { how: "credential without id", properties: { credential: secret } },
      { how: "credential with an empty scope", properties: { credential: `spark-etl:${secret}`, scope: "" } },
    ])("lists namespaces with a token got by $how", async ({ properties }) => {
      await using catalog = await FakeCatalog.start({ tokens: server.url });
      expect(await python.resultOf(load(catalog, properties))).toEqual([["db"]]);
      const subject = { sub: "spark-etl", client_id: "spark-etl", scope: "catalog" };
      expect(catalog.claims()).toEqual([expect.objectContaining(subject), expect.objectContaining(subject)]);
    });

    test("lists namespaces with a token got by auth type oauth2, raw Basic and no scope", async () => {
      await using catalog = await FakeCatalog.start({ tokens: server.url });
      const oauth2 = { ...own, token_url: `${server.url}/v1/oauth/tokens` };
      expect(await python.resultOf(load(catalog, { auth: { type: "oauth2", oauth2 } }))).toEqual([["db"]]);
      expect(catalog.claims()).toHaveLength(2);
    });

    test.each([401, 419] as const)(
      "asks for a new token after the catalog's %i, with the dead one as Bearer",
      async (status) => {
        await using catalog = await FakeCatalog.start({ tokens: server.url, refuse: { times: 1, status } });
        const properties = { credential: `spark-etl:${secret}` };
        expect(await python.resultOf(load(catalog, properties))).toEqual([["db"]]);
        expect(catalog.calls.map((call) => call.status)).toEqual([200, status, 200]);
      },
    );

    test("shows a person what is wrong, in our words", async () => {
      await using catalog = await FakeCatalog.start({ tokens: server.url });
      const wrongSecret = await python.errorOf(load(catalog, { credential: `spark-etl:${secret}x` }));
      expect(wrongSecret).toMatch(/^OAuthError: invalid_client: .{20,}/);
      const wideScope = await python.errorOf(load(catalog, { credential: `spark-etl:${secret}`, scope: "admin" }));
      expect(wideScope).toMatch(/^OAuthError: invalid_scope: .*'admin'.*catalog/);
    });
  });

  describe("Polaris' IcebergOAuth2API.get_token 1.8.0", () => {
    const getToken = (more: object): object => ({ do: "polaris", host: server.url, ...more });
    const answer = { token_type: "bearer", expires_in: 3600, issued_token_type: ACCESS_TOKEN, scope: "catalog" };
    interface Answer {
      readonly access_token: string;
    }

    test("exchanges client credentials for a token (purpose 1)", async () => {
      const question = getToken({ grant_type: "client_credentials", scope: "catalog", ...own });
      expect(await python.resultOf(question)).toMatchObject(answer);
    });

    test("exchanges a catalog token and a user's for a more specific one (purpose 2)", async () => {
      const catalog = (await python.resultOf(getToken({ grant_type: "client_credentials", ...own }))) as Answer;
      const actor = { actor_token: catalog.access_token, actor_token_type: ACCESS_TOKEN };
      const subject = { subject_token: await provider.token("alice"), subject_token_type: JWT };
      const question = getToken({ grant_type: EXCHANGE, scope: "catalog", ...subject, ...actor });
      for (const asBearer of [{ access_token: catalog.access_token }, {}]) {
        const user = (await python.resultOf({ ...question, ...asBearer })) as Answer;
        expect(user).toMatchObject(answer);
        expect(decodeJwt(user.access_token)).toMatchObject({ sub: "idp:alice", act: { sub: "spark-etl" } });
      }
    });

    test("exchanges a token for one with the same claims and a later end (purpose 3)", async () => {
      const first = (await python.resultOf(getToken({ grant_type: "client_credentials", ...own }))) as Answer;
      const subject = { subject_token: first.access_token, subject_token_type: ACCESS_TOKEN };
      const question = { grant_type: EXCHANGE, access_token: first.access_token, ...subject };
      const second = (await python.resultOf(getToken(question))) as Answer;
      expect(second).toMatchObject(answer);
      const [before, after] = [decodeJwt(first.access_token), decodeJwt(second.access_token)];
      const fresh = { iat: after.iat, exp: after.exp, jti: after.jti };
      expect(after).toEqual({ ...before, ...fresh });
      expect(after.jti).not.toBe(before.jti);
    });

    test("understands a refusal as one", async () => {
      const wrong = await python.errorOf(getToken({ grant_type: "client_credentials", ...own, client_secret: "no" }));
      expect(wrong).toMatch(/^UnauthorizedException: .*invalid_client/s);
      const wide = await python.errorOf(getToken({ grant_type: "client_credentials", ...own, scope: "admin" }));
      expect(wide).toMatch(/^BadRequestException: .*invalid_scope.*admin/s);
    });
  });

  test("PyJWT 2 verifies our tokens with the published keys", async () => {
    const { access_token: token } = expectTokenSet(
      await postForm(server.url, { grant_type: "client_credentials", ...own }),
    );
    const question = { do: "pyjwt", jwks_uri: `${server.url}/.well-known/jwks.json`, token };
    const claims = await python.resultOf({ ...question, issuer: server.url, audience: server.url });
    expect(claims).toEqual(decodeJwt(token));
    const other = await python.errorOf({ ...question, issuer: server.url, audience: "https://other.example.com" });
    expect(other).toMatch(/^InvalidAudienceError/);
  });

  test("PyJWT 2 verifies every token through rotations of our keys", async () => {
    await verifyThroughRotations((ask) => python.resultOf({ do: "pyjwt", ...ask }));
  });
});
