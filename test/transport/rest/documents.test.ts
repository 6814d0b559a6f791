/** What anyone may read: keys, metadata, and the list of errors. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REASONS } from "../../../src/transport/rest/error-list.js";
import { SECRET, startServer, type TestServer } from "../support/fake-core.js";
import { requestHttp2 } from "../support/token-callers.js";

const CLIENT = { client_id: "spark", client_secret: SECRET };

let running: TestServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.server.close());

describe("the keys", () => {
  test("may be cached for as long as the ring promises, by anyone", async () => {
    const response = await fetch(`${running.url}/.well-known/jwks.json`);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("public, max-age=900");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("pragma")).toBeNull();
    expect(await response.json()).toMatchObject({ keys: [{ kid: "kid-1", kty: "EC", use: "sig", alg: "ES256" }] });
  });

  test.each(["TAG", "W/TAG", `"other", TAG`, "*"])("are not sent again to one who has them: %s", async (condition) => {
    const url = `${running.url}/.well-known/jwks.json`;
    const tag = (await fetch(url)).headers.get("etag") ?? "";
    const again = await fetch(url, { headers: { "if-none-match": condition.replace("TAG", tag) } });
    expect(again.status).toBe(304);
    expect(again.headers.get("etag")).toBe(tag);
    expect(await again.text()).toBe("");
  });

  test("are sent to one who has others", async () => {
    const response = await fetch(`${running.url}/.well-known/jwks.json`, { headers: { "if-none-match": '"x"' } });
    expect(response.status).toBe(200);
  });

  test("answer HEAD with the length and no body, over both HTTP versions", async () => {
    const url = `${running.url}/.well-known/jwks.json`;
    const length = (await (await fetch(url)).text()).length;
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, Number(head.headers.get("content-length")), await head.text()]).toEqual([200, length, ""]);
    const head2 = await requestHttp2(running.url, {
      headers: { ":method": "HEAD", ":path": "/.well-known/jwks.json" },
    });
    expect([head2.status, Number(head2.headers["content-length"]), head2.body]).toEqual([200, length, ""]);
  });

  test("may be asked for by any page, with any header", async () => {
    const response = await fetch(`${running.url}/.well-known/jwks.json`, { method: "OPTIONS" });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-methods")).toBe("GET, HEAD");
  });
});

describe("the metadata (RFC 8414)", () => {
  const read = async (path: string) => (await fetch(running.url + path)).json() as Promise<Record<string, unknown>>;

  test("names the issuer byte for byte and only what is served", async () => {
    const metadata = await read("/.well-known/oauth-authorization-server");
    expect(metadata).toEqual({
      issuer: "https://tokens.example.com",
      authorization_endpoint: "https://tokens.example.com/v1/oauth/authorize",
      token_endpoint: "https://tokens.example.com/v1/oauth/tokens",
      jwks_uri: "https://tokens.example.com/.well-known/jwks.json",
      scopes_supported: ["catalog"],
      response_types_supported: [],
      grant_types_supported: [
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
      ],
      authorization_grant_profiles_supported: ["urn:ietf:params:oauth:grant-profile:id-jag"],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
      token_endpoint_auth_signing_alg_values_supported: ["ES256", "PS512"],
      revocation_endpoint: "https://tokens.example.com/v1/oauth/revoke",
      revocation_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
      revocation_endpoint_auth_signing_alg_values_supported: ["ES256", "PS512"],
      introspection_endpoint: "https://tokens.example.com/v1/oauth/introspect",
      introspection_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
      introspection_endpoint_auth_signing_alg_values_supported: ["ES256", "PS512"],
      introspection_signing_alg_values_supported: ["ES256"],
      service_documentation: "https://tokens.example.com/errors",
    });
  });

  test("every endpoint that it names is there", async () => {
    const metadata = await read("/.well-known/oauth-authorization-server");
    for (const [name, value] of Object.entries(metadata)) {
      if (!/_endpoint$|_uri$|_documentation$/.test(name) || typeof value !== "string") continue;
      const { status } = await fetch(running.url + new URL(value).pathname, { method: "OPTIONS" });
      expect(status, name).not.toBe(404);
    }
  });

  test("names an authorization endpoint, as its readers require, which supports no response type", async () => {
    for (const query of ["", "?response_type=code&client_id=spark&redirect_uri=https://evil.example"]) {
      const response = await fetch(`${running.url}/v1/oauth/authorize${query}`, { redirect: "manual" });
      expect([response.status, response.headers.get("location")]).toEqual([400, null]);
      expect(await response.json()).toMatchObject({ error: "unsupported_response_type" });
    }
    expect((await fetch(`${running.url}/v1/oauth/authorize`, { method: "POST" })).status).toBe(405);
  });

  test("leaves out members with nothing in them, but for the one that is required", async () => {
    await using bare = await startServer({ scopesSupported: () => [], assertionAlgorithms: [] });
    const response = await fetch(`${bare.url}/.well-known/oauth-authorization-server`);
    const metadata = (await response.json()) as Record<string, unknown>;
    expect(metadata["response_types_supported"]).toEqual([]);
    expect(Object.keys(metadata)).not.toContain("scopes_supported");
    expect(Object.keys(metadata)).not.toContain("token_endpoint_auth_signing_alg_values_supported");
  });

  test("tells an OpenID Connect verifier where the keys are", async () => {
    expect(await read("/.well-known/openid-configuration")).toMatchObject({
      issuer: "https://tokens.example.com",
      jwks_uri: "https://tokens.example.com/.well-known/jwks.json",
      id_token_signing_alg_values_supported: ["ES256"],
    });
  });

  test("says the same to a reader of OpenID Connect, and what only that one wants", async () => {
    expect(await read("/.well-known/openid-configuration")).toEqual({
      ...(await read("/.well-known/oauth-authorization-server")),
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
  });
});

describe.each([
  ["https://gw.example.com/tokens", "/tokens"],
  ["https://gw.example.com/tokens/", "/tokens"],
  ["https://gw.example.com/lake/eu-1/tokens/", "/lake/eu-1/tokens"],
  ["https://gw.example.com/", ""],
])("the metadata of the issuer %s", (issuer, path) => {
  let deep: TestServer;
  beforeAll(async () => {
    deep = await startServer({ issuer });
  });
  afterAll(() => deep.server.close());

  test("is at every place where a reader looks, with the issuer's path and without", async () => {
    const places = ["oauth-authorization-server", "openid-configuration"].flatMap((name) => [
      `/.well-known/${name}${path}`, // RFC 8414 section 3.1
      `${path}/.well-known/${name}`, // OpenID Connect Discovery section 4.1
      `/.well-known/${name}`, // behind a proxy that strips the path
    ]);
    for (const place of places) {
      const response = await fetch(deep.url + place);
      expect(await response.json(), place).toMatchObject({
        issuer,
        token_endpoint: `https://gw.example.com${path}/v1/oauth/tokens`,
        jwks_uri: `https://gw.example.com${path}/.well-known/jwks.json`,
      });
    }
  });

  test("names endpoints that answer where it says, and without the path where a proxy strips it", async () => {
    const document = await fetch(`${deep.url}/.well-known/oauth-authorization-server`);
    const metadata = (await document.json()) as Record<string, string>;
    for (const prefix of [path, ""]) {
      const place = (name: string) => deep.url + new URL(metadata[name] ?? "").pathname.replace(path, prefix);
      const post = (name: string, form: Record<string, string>) =>
        fetch(place(name), { method: "POST", body: new URLSearchParams({ ...CLIENT, ...form }) });
      const asked = await post("token_endpoint", { grant_type: "client_credentials" });
      expect(await asked.json()).toMatchObject({ access_token: "header.payload.signature" });
      expect((await post("revocation_endpoint", { token: "t" })).status).toBe(200);
      expect(await (await post("introspection_endpoint", { token: "live" })).json()).toMatchObject({ active: true });
      expect(await (await fetch(place("jwks_uri"))).json()).toMatchObject({ keys: [{ kid: "kid-1" }] });
      const refused = (await (await post("token_endpoint", {})).json()) as { error_uri: string };
      expect(refused.error_uri).toBe(`https://gw.example.com${path}/errors#GRANT_TYPE_MISSING`);
      expect(await (await fetch(place("service_documentation"))).text()).toContain('id="GRANT_TYPE_MISSING"');
    }
  });
});

describe("the list of errors", () => {
  test("has the anchor that error_uri points to", async () => {
    const refused = await fetch(`${running.url}/v1/oauth/tokens`, { method: "POST", body: new URLSearchParams() });
    const { error_uri: uri } = (await refused.json()) as { error_uri: string };
    expect(uri).toBe("https://tokens.example.com/errors#GRANT_TYPE_MISSING");
    const page = await (await fetch(running.url + new URL(uri).pathname)).text();
    expect(page).toContain(`id="${new URL(uri).hash.slice(1)}"`);
  });

  test("says the same words as docs/errors.md, which has an entry for each reason and no other", () => {
    const docs = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
    const anchors = [...docs.matchAll(/^### ([A-Z_]+)$/gm)].map(([, reason]) => reason);
    expect(new Set(anchors)).toEqual(new Set(Object.keys(REASONS)));
    expect(anchors).toHaveLength(Object.keys(REASONS).length);
  });
});
