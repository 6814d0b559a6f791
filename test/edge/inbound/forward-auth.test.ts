/** `/verify` over HTTP, asked with what proxies send. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { createForwardAuth } from "../../../src/edge/inbound/forward-auth.js";
import type { Rule } from "../../../src/edge/inbound/rules.js";
import { CALLERS } from "../../verifier/callers.js";
import { judged } from "./judged.js";

const RULES = [{ path: "/v1/*", scopes: ["read"] }];

async function asking(rules: readonly Rule[] = [], ready = true) {
  const { judge, key } = await judged(rules, ready);
  const server = createForwardAuth({ judge, pathHeader: "X-Forwarded-Uri", onVerdict: () => {} });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/verify`;
  /** The answer to fields as they stand on the wire. */
  const raw = async (lines: readonly string[], line = "GET /verify HTTP/1.1"): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    socket.write([line, "Host: edge", "Connection: close", ...lines, "", ""].join("\r\n"));
    return text(socket);
  };
  return { key, url, raw, status: async (lines: readonly string[]) => Number((await raw(lines)).split(" ")[1]) };
}

describe("a request", () => {
  test.each(CALLERS)("of $who: $status", async ({ authorization, ready, status, challenge }) => {
    const { key, url } = await asking(RULES, ready);
    const field = authorization(key);
    const headers = { "x-forwarded-uri": "/v1/config?x=1", ...(field !== undefined && { authorization: field }) };
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(url, { method, headers });
      expect(response.status).toBe(status);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("www-authenticate") ?? undefined).toBe(challenge);
      expect(response.headers.get("retry-after")).toBe(status === 503 ? "1" : null);
      expect(response.headers.get("x-icemint-subject")).toBe(status === 200 ? "alice" : null);
      const body = await response.text();
      if (method === "HEAD" || status === 200) expect(body).toBe("");
      else expect(JSON.parse(body)).toMatchObject({ error: { code: status } });
    }
  });

  test("that is accepted has every identity header in its answer, whatever the caller sent", async () => {
    const { key, url } = await asking();
    const authorization = `Bearer ${key.token({ scope: "", sid: "s1" })}`;
    const response = await fetch(url, { headers: { authorization, "X-Icemint-Subject": "eve" } });
    expect(Object.fromEntries([...response.headers].filter(([name]) => name.startsWith("x-icemint-")))).toEqual({
      "x-icemint-subject": "alice",
      "x-icemint-client": "spark",
      "x-icemint-actors": "-",
      "x-icemint-scope": "-",
      "x-icemint-session": "s1",
    });
  });

  test("with two Authorization fields is refused, whichever is good, and behind however many others", async () => {
    const { key, status } = await asking();
    const good = `Authorization: Bearer ${key.token()}`;
    const many = Array.from({ length: 2500 }, () => "a: b");
    expect(await status([good])).toBe(200);
    for (const lines of [
      [good, good],
      [good, "Authorization: Bearer x"],
      ["authorization: Bearer x", good],
      [good, ...many, "Authorization: Bearer x"],
    ]) {
      expect(await status(lines)).toBe(401);
    }
  });

  test("with a field that a service may take for an identity header is refused", async () => {
    const { key, status } = await asking();
    const good = `Authorization: Bearer ${key.token()}`;
    expect(await status([good, "X_Icemint_Subject: eve"])).toBe(400);
    expect(await status([good, "x-icemint.subject: eve"])).toBe(400);
    expect(await status([good, "x_other: eve"])).toBe(200);
  });
});

describe("what Traefik sends (ForwardAuth, its source of v2 and v3: all fields of the caller, then its own)", () => {
  const own = [
    "Accept-Encoding: gzip",
    "X-Forwarded-For: 198.51.100.7",
    "X-Forwarded-Method: POST",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: catalog.example.com",
  ];
  // A caller's `Forwarded` and X-Forwarded-Prefix pass (traefik#12657, CVE-2026-35051).
  const spoofed = ["Forwarded: path=/v1/config", "X-Forwarded-Prefix: /v1/config", "X-Original-Uri: /v1/config"];

  test("is judged by its X-Forwarded-Uri and by nothing that a caller can set", async () => {
    const { key, status } = await asking([{ path: "/v1/admin/*", scopes: ["admin"] }]);
    const good = `Authorization: Bearer ${key.token()}`;
    expect(await status([good, ...spoofed, ...own, "X-Forwarded-Uri: /v1/admin/users?x=1"])).toBe(403);
    expect(await status([good, ...spoofed, ...own, "X-Forwarded-Uri: /v1/config"])).toBe(200);
  });

  test("with two tokens of a caller's is refused", async () => {
    const { key, status } = await asking();
    const good = `Authorization: Bearer ${key.token()}`;
    expect(await status([good, good, ...own, "X-Forwarded-Uri: /"])).toBe(401);
  });
});

describe("the path, where there are rules", () => {
  test("comes from the one header of the settings", async () => {
    const { key, status } = await asking([{ path: "/v1/admin/*", scopes: ["admin"] }]);
    const good = `Authorization: Bearer ${key.token()}`;
    const from = (...fields: string[]) => status([good, ...fields]);
    expect(await from("X-Forwarded-Uri: /v1/config")).toBe(200);
    expect(await from("X-Forwarded-Uri: /v1/admin/users")).toBe(403);
    expect(await from("X-Forwarded-Uri: /v1/config", "X-Original-Uri: /v1/admin", "Forwarded: path=/v1/admin")).toBe(
      200,
    );
  });

  test.each([
    ["absent", []],
    ["twice", ["X-Forwarded-Uri: /v1/config", "X-Forwarded-Uri: /v1/config"]],
    ["joined by a proxy", ["X-Forwarded-Uri: /v1/config, /v1/config"]],
    ["not in normal form", ["X-Forwarded-Uri: /v1/x/../config"]],
    ["empty", ["X-Forwarded-Uri:"]],
  ])("is refused: %s", async (_what, fields) => {
    const { key, status } = await asking(RULES);
    expect(await status([`Authorization: Bearer ${key.token({ scope: "read" })}`, ...fields])).toBe(400);
  });
});

test("nothing else is served", async () => {
  const { key, url, raw } = await asking();
  const headers = { authorization: `Bearer ${key.token()}` };
  expect((await fetch(`${url}?x`, { headers })).status).toBe(200);
  for (const path of ["/verify/", "/verify/x", "/verifyx", "/x", "/../verify"]) {
    expect(await raw([`Authorization: ${headers.authorization}`], `GET ${path} HTTP/1.1`)).toMatch(/^HTTP\/1.1 404 /);
  }
  for (const method of ["POST", "PUT", "OPTIONS"]) {
    const response = await fetch(url, { method, headers });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  }
});
