import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createJsonFetcher } from "../../src/issuers/fetch-json.js";
import { documentServer } from "./document-server.js";

const certFile = join(import.meta.dirname, "tls/issuer.cert.pem");
const keyFile = join(import.meta.dirname, "tls/issuer.key.pem");
const readText = (path: string): Promise<string> =>
  path === "/token" ? Promise.resolve(" cluster-token\n") : readFile(path, "utf8");
const fetchJson = createJsonFetcher({ readFile: readText, timeoutMs: 300 });

function request(url: string, files: { caFile?: string; tokenFile?: string } = {}) {
  return { url, caFile: files.caFile, tokenFile: files.tokenFile };
}

describe("fetching an issuer's document", () => {
  test("gives its JSON and how long it holds", async () => {
    await using server = await documentServer();
    server.answers.set("/jwks", { body: { keys: [] }, headers: { "cache-control": "public, max-age=120" } });
    server.answers.set("/plain", { body: [1] });
    expect(await fetchJson(request(`${server.url}/jwks`))).toEqual({ json: { keys: [] }, maxAgeSeconds: 120 });
    expect(await fetchJson(request(`${server.url}/plain`))).toEqual({ json: [1], maxAgeSeconds: undefined });
  });

  test("takes a key set by its own media type, which a kube-apiserver gives to nobody who does not ask for it", async () => {
    await using server = await documentServer();
    server.answers.set("/jwks", { body: { keys: [] }, headers: { "content-type": "application/jwk-set+json" } });
    expect(await fetchJson(request(`${server.url}/jwks`))).toMatchObject({ json: { keys: [] } });
  });

  test.each([
    ["a redirect, wherever it leads", { status: 302, headers: { location: "/jwks" } }, "answered 302"],
    ["an error", { status: 500 }, "answered 500"],
    ["no content", { status: 204 }, "answered 204"],
    ["something that is not JSON", { body: "<html>s3cr3t</html>" }, "not JSON"],
    ["more than 1 MiB", { body: "1".repeat(1024 * 1024 + 1) }, "more than"],
    ["silence", { silent: true }, "did not answer within 300 ms"],
  ])("fails on %s", async (_, answer, why) => {
    await using server = await documentServer();
    server.answers.set("/jwks", { body: { keys: [] } });
    server.answers.set("/", answer);
    await expect(fetchJson(request(`${server.url}/`))).rejects.toThrow(why);
    expect(server.seen).toHaveLength(1);
  });

  // SECURITY.md: "Everything is bounded".
  test("takes no more time when the body never ends", async () => {
    await using server = await documentServer();
    server.answers.set("/", { headers: { "content-length": "100" }, body: "{}" });
    await expect(fetchJson(request(`${server.url}/`))).rejects.toThrow();
  });

  test("fails when nobody listens", async () => {
    const server = await documentServer();
    await server[Symbol.asyncDispose]();
    await expect(fetchJson(request(server.url))).rejects.toThrow("ECONNREFUSED");
  });

  test("is by http and https only", async () => {
    await expect(fetchJson(request("file:///etc/passwd"))).rejects.toThrow("cannot fetch by file:");
    await expect(fetchJson(request("data:application/json,{}"))).rejects.toThrow("cannot fetch by data:");
  });

  test("believes a server only by the CA that the settings name", async () => {
    const tls = { key: await readText(keyFile), cert: await readText(certFile) };
    await using server = await documentServer(tls);
    server.answers.set("/", { body: { keys: [] } });
    await expect(fetchJson(request(`${server.url}/`))).rejects.toThrow("self-signed certificate");
    const { json } = await fetchJson(request(`${server.url}/`, { caFile: certFile }));
    expect(json).toEqual({ keys: [] });
  });

  test("sends the token of the token file over TLS, and never in clear", async () => {
    const tls = { key: await readText(keyFile), cert: await readText(certFile) };
    await using secure = await documentServer(tls);
    await using clear = await documentServer();
    for (const server of [secure, clear]) {
      server.answers.set("/", { body: {} });
      await fetchJson(request(`${server.url}/`, { caFile: certFile, tokenFile: "/token" }));
    }
    expect(secure.seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer cluster-token"]);
    expect(clear.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
