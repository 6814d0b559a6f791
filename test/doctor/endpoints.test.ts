/** Endpoints that are no stubs, and what tells them apart. */
import { createServer } from "node:http";
import { once } from "node:events";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { describe, expect, test } from "vitest";
import { parseCredential } from "../../src/doctor/credential.js";
import { loadKit } from "../../src/doctor/kit.js";
import { recogniseServer } from "../../src/doctor/recognise-server.js";
import { makeRedisTls } from "../support/redis-tls.js";
import { diagnosed, found } from "./diagnosed.js";
import { STUB_CREDENTIAL, refusal, startStub } from "./stub-endpoint.js";

describe("oidc-provider", () => {
  test.each(["client_secret_post", "client_secret_basic"])(
    "with %s: it has no exchange, says Bearer, and minds an old one",
    async (method) => {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const provider = new Provider("http://127.0.0.1", {
        clients: [
          {
            client_id: STUB_CREDENTIAL.id,
            client_secret: STUB_CREDENTIAL.secret,
            grant_types: ["client_credentials"],
            redirect_uris: [],
            response_types: [],
            token_endpoint_auth_method: method,
            id_token_signed_response_alg: "ES256",
          },
        ],
        scopes: ["catalog", "PRINCIPAL_ROLE:ALL"],
        jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig", kid: "k1" }] },
        ttl: { ClientCredentials: 3600 },
        features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true } },
      });
      const server = createServer(provider.callback()).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const report = await diagnosed(new URL(`http://127.0.0.1:${port}/token`));
      server.closeAllConnections();
      server.close();
      expect(report.findings.map((finding) => finding.id)).toEqual([
        "STALE_BEARER_REFUSED",
        "TOKEN_TYPE_CASE",
        "REFRESH_REFUSED",
      ]);
    },
  );
});

const TEST_URL = process.env["ICEMINT_TEST_DOCTOR_URL"];
const credential = parseCredential(process.env["ICEMINT_TEST_DOCTOR_CREDENTIAL"] ?? "");

test.skipIf(TEST_URL === undefined || credential === undefined)(
  "an endpoint of yours can be asked (skipped unless ICEMINT_TEST_DOCTOR_URL and ICEMINT_TEST_DOCTOR_CREDENTIAL are set)",
  async () => {
    const report = await diagnosed(new URL(TEST_URL ?? ""), { credential: credential ?? STUB_CREDENTIAL });
    expect(report.error).toBeUndefined();
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  },
);

test("an endpoint beyond this machine that is asked without TLS is noted", async () => {
  await using stub = await startStub();
  // Spelled like this it is no loopback address to anyone who reads it.
  const report = await diagnosed(new URL(`http://[::ffff:127.0.0.1]:${stub.url.port}/token`));
  expect(found(report)).toContain("INSECURE_TRANSPORT");
  expect(report.error).toBeUndefined();
});

describe("a certificate", () => {
  test("that is not trusted is a finding for every client that uses TLS", async () => {
    using tls = makeRedisTls();
    const files = { key: readFileSync(tls.keyFile, "utf8"), cert: readFileSync(tls.certFile, "utf8") };
    await using stub = await startStub({ tls: files });
    const report = await diagnosed(stub.url);
    expect(report.error).toBeUndefined();
    expect(report.findings.map(({ id }) => id)).toEqual(["TLS_NOT_TRUSTED"]);
    expect(stub.requests).toEqual([]);
    expect((await diagnosed(stub.url, { ca: files.cert })).findings).toEqual([]);
  });
});

describe("a credential with odd characters", () => {
  const odd = { id: "etl", secret: "s3cr:et+/ %&" };
  const basicOf = (authorization = ""): string => Buffer.from(authorization.slice(6), "base64").toString();

  test.each([
    ["BASIC_RAW_REFUSED", (plain: string) => plain === "etl:s3cr%3Aet%2B%2F+%25%26"],
    ["BASIC_ENCODED_REFUSED", (plain: string) => plain === "etl:s3cr:et+/ %&"],
  ])("%s: only the other spelling is understood", async (id, isRight) => {
    await using stub = await startStub({
      fault: (_, { form, headers, method, grant }) => {
        const byForm = form.get("client_secret") === odd.secret && form.get("client_id") === odd.id;
        const rightful =
          byForm || isRight(basicOf(headers.authorization)) || headers.authorization?.startsWith("Bearer");
        if (method !== "POST" || grant === "") return refusal(400, "invalid_request");
        const body = { access_token: "t", token_type: "bearer", expires_in: 3600 };
        return rightful === true ? { ...refusal(200, ""), body } : refusal(401, "invalid_client");
      },
    });
    expect(found(await diagnosed(stub.url, { credential: odd }))).toContain(id);
  });

  test("without an id is sent as a secret alone", async () => {
    await using stub = await startStub();
    const report = await diagnosed(stub.url, { credential: { id: undefined, secret: STUB_CREDENTIAL.secret } });
    expect(report.findings).toEqual([]);
    expect(stub.requests.some(({ body }) => body.includes("client_id"))).toBe(false);
  });
});

describe("which product answers", () => {
  const servers = loadKit().servers;
  const answer = (body: string, headers = {}) =>
    ({ kind: "answer", status: 401, headers, body, tooBig: false, tookMs: 1 }) as const;
  const at = (path: string): URL => new URL(path, "https://idp.example");

  test.each([
    ["Apache Polaris", "/api/catalog/v1/oauth/tokens", answer('{"error":"unauthorized_client"}')],
    ["Keycloak", "/realms/lake/protocol/openid-connect/token", answer('{"error":"invalid_client"}')],
    ["Microsoft Entra", "/tenant/oauth2/v2.0/token", answer('{"error_description":"AADSTS7000215: Invalid"}')],
    ["Okta", "/oauth2/default/v1/token", answer("{}", { "x-okta-request-id": "a" })],
    ["Dex", "/token", answer('{"error":"invalid_client","error_description":"Invalid client credentials."}')],
    [
      "Ory Hydra",
      "/oauth2/token",
      answer('{"error_description":"Client authentication failed (e.g., unknown client, ..."}'),
    ],
    ["icemint", "/api/catalog/v1/oauth/tokens", answer('{"error_uri":"https://t.example/errors#CREDENTIALS_WRONG"}')],
  ])("%s is known", (name, path, said) => {
    expect(recogniseServer(servers, at(path), [said])?.name).toBe(name);
  });

  test("one that is not known has no name", () => {
    expect(recogniseServer(servers, at("/token"), [answer('{"error":"invalid_client"}')])).toBeUndefined();
  });

  test("its setting stands in what mends a finding", async () => {
    await using stub = await startStub({
      path: "/realms/lake/protocol/openid-connect/token",
      fault: (right, { form }) => (form.has("subject_token") ? refusal(400, "unsupported_grant_type") : right),
    });
    const report = await diagnosed(stub.url);
    expect(report.server).toBe("Keycloak");
    expect(report.findings[0]?.mend).toContain("In Keycloak: the client's Capability config: Standard Token Exchange");
  });
});
