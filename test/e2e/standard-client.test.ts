/** A strict standard client that knows nothing of icemint but its issuer: oauth4webapi, from discovery to revocation. */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ServerProcess } from "../support/server-process.js";
import { createIdentityProvider } from "./identity-provider.js";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";
/** Cleartext on loopback is the one thing that is not strict here. */
const insecure = { [oauth.allowInsecureRequests]: true };

const secret = generateSecret(randomBytes);
const client: oauth.Client = { client_id: "etl" };
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });

let server: ServerProcess;
let as: oauth.AuthorizationServer;
let userJwt: () => Promise<string>;

beforeAll(async () => {
  const provider = await createIdentityProvider();
  userJwt = () => provider.token("alice");
  const settings = {
    trusted_issuers: [provider.settings],
    clients: [
      {
        id: "etl",
        secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }],
        jwks: { keys: [{ ...keys.publicKey.export({ format: "jwk" }), alg: "ES256", use: "sig" }] },
        grants: ["client_credentials", "token_exchange", "refresh_token", "jwt_bearer"],
      },
    ],
  };
  server = await ServerProcess.start({ settings, files: { "idp.jwks.json": provider.jwks } });
  const issuer = new URL(server.url);
  const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure });
  as = await oauth.processDiscoveryResponse(issuer, found);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function clientCredentials(auth: oauth.ClientAuth): Promise<oauth.TokenEndpointResponse> {
  const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, new URLSearchParams(), insecure);
  return oauth.processClientCredentialsResponse(as, client, answer);
}

async function exchange(auth: oauth.ClientAuth, subject: string, type: string): Promise<oauth.TokenEndpointResponse> {
  const parameters = new URLSearchParams({ subject_token: subject, subject_token_type: type });
  const answer = await oauth.genericTokenEndpointRequest(as, client, auth, EXCHANGE, parameters, insecure);
  return oauth.processGenericTokenEndpointResponse(as, client, answer);
}

async function introspect(token: string): Promise<oauth.IntrospectionResponse> {
  const answer = await oauth.introspectionRequest(as, client, oauth.ClientSecretBasic(secret), token, insecure);
  return oauth.processIntrospectionResponse(as, client, answer);
}

/** What an API does with a request that carries the token. */
function validate(token: string, audience: string): Promise<oauth.JWTAccessTokenClaims> {
  const request = new Request("https://catalog.example.com/v1/config", {
    headers: { Authorization: `Bearer ${token}` },
  });
  return oauth.validateJwtAccessToken(as, request, audience, insecure);
}

test("discovery names what is served", () => {
  expect(as).toMatchObject({
    issuer: server.url,
    token_endpoint: `${server.url}/v1/oauth/tokens`,
    revocation_endpoint: `${server.url}/v1/oauth/revoke`,
    introspection_endpoint: `${server.url}/v1/oauth/introspect`,
    jwks_uri: `${server.url}/.well-known/jwks.json`,
    grant_types_supported: expect.arrayContaining(["client_credentials", EXCHANGE, "refresh_token"]),
  });
});

describe("client_credentials", () => {
  test.each([
    { how: "client_secret_basic", auth: () => oauth.ClientSecretBasic(secret) },
    { how: "client_secret_post", auth: () => oauth.ClientSecretPost(secret) },
    {
      how: "private_key_jwt",
      auth: async () => {
        const pkcs8 = keys.privateKey.export({ type: "pkcs8", format: "der" });
        const algorithm = { name: "ECDSA", namedCurve: "P-256" };
        return oauth.PrivateKeyJwt(await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]));
      },
    },
  ])("by $how gives a token that an API takes for valid (RFC 9068)", async ({ how, auth }) => {
    expect(as.token_endpoint_auth_methods_supported).toContain(how);
    const set = await clientCredentials(await auth());
    expect(set).toMatchObject({ token_type: "bearer", expires_in: 3600, scope: "catalog" });
    expect(set).not.toHaveProperty("refresh_token");
    expect(await validate(set.access_token, server.url)).toMatchObject({ sub: "etl", client_id: "etl" });
    await expect(validate(set.access_token, "https://other.example.com")).rejects.toThrow(/audience/i);
  });

  test("with a wrong secret is refused as OAuth refuses", async () => {
    const refused = clientCredentials(oauth.ClientSecretBasic("wrong"));
    // For a strict client the challenge of a 401 comes first.
    await expect(refused).rejects.toMatchObject({ status: 401, cause: [{ scheme: "basic" }] });
    const wide = new URLSearchParams({ scope: "admin" });
    const auth = oauth.ClientSecretBasic(secret);
    const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, wide, insecure);
    await expect(oauth.processClientCredentialsResponse(as, client, answer)).rejects.toMatchObject({
      error: "invalid_scope",
      status: 400,
    });
  });
});

test("token exchange begins a user's session, and its refresh token goes on with it once per token", async () => {
  const auth = oauth.ClientSecretBasic(secret);
  const user = await exchange(auth, await userJwt(), JWT);
  expect(user).toMatchObject({ issued_token_type: ACCESS_TOKEN, refresh_token: expect.any(String) });
  const claims = await validate(user.access_token, server.url);
  expect(claims).toMatchObject({ sub: "idp:alice", act: { sub: "etl" } });

  const answer = await oauth.refreshTokenGrantRequest(as, client, auth, user.refresh_token ?? "", insecure);
  const next = await oauth.processRefreshTokenResponse(as, client, answer);
  expect(next.refresh_token).not.toBe(user.refresh_token);
  const later = await validate(next.access_token, server.url);
  expect(later).toMatchObject({ sub: "idp:alice", act: { sub: "etl" }, sid: claims["sid"] });
});

test("token exchange of a token by its client keeps the session", async () => {
  const auth = oauth.ClientSecretBasic(secret);
  const first = await clientCredentials(auth);
  const second = await exchange(auth, first.access_token, ACCESS_TOKEN);
  const [before, after] = await Promise.all([first, second].map((set) => validate(set.access_token, server.url)));
  expect(after?.["sid"]).toBe(before?.["sid"]);
  expect(after?.jti).not.toBe(before?.jti);
});

test("introspection tells a live token from a revoked one, and revoking one ends its whole session", async () => {
  const auth = oauth.ClientSecretBasic(secret);
  const first = await clientCredentials(auth);
  const second = await exchange(auth, first.access_token, ACCESS_TOKEN);
  expect(await introspect(second.access_token)).toMatchObject({ active: true, client_id: "etl", scope: "catalog" });
  const revoked = await oauth.revocationRequest(as, client, auth, first.access_token, insecure);
  expect(await oauth.processRevocationResponse(revoked)).toBeUndefined();
  for (const { access_token: token } of [first, second]) expect(await introspect(token)).toEqual({ active: false });
});

test("introspection answers with a signed JWT that is for the asker, when it is asked to (RFC 9701)", async () => {
  const auth = oauth.ClientSecretBasic(secret);
  const { access_token: token } = await clientCredentials(auth);
  const answer = await oauth.introspectionRequest(as, client, auth, token, { requestJwtResponse: true, ...insecure });
  expect(answer.headers.get("content-type")).toMatch(/^application\/token-introspection\+jwt/);
  const signed = { ...client, introspection_signed_response_alg: "ES256" };
  expect(await oauth.processIntrospectionResponse(as, signed, answer)).toMatchObject({ active: true, sub: "etl" });
  await oauth.validateApplicationLevelSignature(as, answer, insecure);
});

describe("the JWT bearer grant (RFC 7523 section 2.1)", () => {
  const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

  test("is in the metadata, and so is that it needs no client authentication", () => {
    expect(as.grant_types_supported).toContain(GRANT);
    expect(as.token_endpoint_auth_methods_supported).toContain("none");
  });

  test("answers a client's own assertion without any credentials", async () => {
    const assertion = await new SignJWT({ iss: "etl", sub: "etl", aud: as.issuer })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(keys.privateKey);
    const parameters = new URLSearchParams({ assertion });
    const answer = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), GRANT, parameters, insecure);
    const result = await oauth.processGenericTokenEndpointResponse(as, client, answer);
    expect(result).toMatchObject({ token_type: "bearer", expires_in: 3600 });
    expect(result).not.toHaveProperty("refresh_token");
  });
});
