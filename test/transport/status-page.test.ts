/** The status page: what it shows, to whom, and that nothing in it runs but its own script. */
import { createHash } from "node:crypto";
import http from "node:http";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { statusFor } from "../../src/app/status.js";
import { createAdminServer } from "../../src/transport/admin.js";
import { read } from "../config/settings.js";
import { client, secretOf, startCore } from "../support/core.js";
import type { RunningApp } from "../support/running-app.js";
import { HOSTILE, startStatusWorld } from "./support/status-world.js";

let running: RunningApp;
beforeAll(async () => {
  running = await startStatusWorld();
});
afterAll(() => running[Symbol.asyncDispose]());

async function page(): Promise<{ readonly headers: Headers; readonly body: string }> {
  const answer = await fetch(`${running.adminUrl}/`);
  expect(answer.status).toBe(200);
  return { headers: answer.headers, body: await answer.text() };
}

describe("the status page", () => {
  test("shows parts, replicas, keys, secrets that end, refusals by reason, and revocations", async () => {
    const { headers, body } = await page();
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
    for (const title of ["This replica", "Replicas", "Signing keys", "Secrets that end", "Refused", "Revocations"]) {
      expect(body).toMatch(new RegExp(`<h2 id="[a-z]+-title">${title}`));
    }
    expect(body).toMatch(/<td>nightly-etl<\/td><td><code>sha256:[0-9a-f]{8}<\/code><\/td><td class="soon">ends/);
    expect(body).toMatch(/<td>trino<\/td><td><code>sha256:[0-9a-f]{8}<\/code><\/td><td class="over">ended/);
    expect(body).toMatch(/<td>secret_expired<\/td>\s*<td class="number">5<\/td>[^]*?trino 5/);
    expect(body).toContain("1 client, 1 subject, 1 session");
    expect(body).toMatch(/active<\/td>\s*<td><svg/);
    expect(body).toContain("Use is recorded since");
  });

  test("escapes what callers chose, and reverses no text", async () => {
    const { body } = await page();
    expect(body).toContain("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(body).not.toContain(HOSTILE);
    expect(body).not.toContain("\u202E");
    expect(body.match(/<script/g)).toHaveLength(1);
  });

  test("lets nothing run or load but its own style and script, byte for byte", async () => {
    const { headers, body } = await page();
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^default-src 'none';/);
    for (const tag of ["style", "script"]) {
      const [, text = ""] = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(body) ?? [];
      expect(policy).toContain(`${tag}-src 'sha256-${createHash("sha256").update(text).digest("base64")}'`);
    }
    expect(policy).not.toContain("unsafe");
    expect(body).not.toMatch(/<[^>]*\s(?:src|href|style|on\w+)=/);
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("holds no secret, no digest of one and no token", async () => {
    const { body } = await page();
    expect(body).not.toMatch(/eyJ|icm_|the-secret-of|[0-9a-f]{64}/);
  });

  test.each([
    ["127.0.0.1:9464", 200],
    ["localhost", 200],
    ["[::1]:9464", 200],
    ["10.0.0.7:9464", 200],
    ["evil.example.com", 403],
    ["localhost.evil.example.com:9464", 403],
    ["127.0.0.1.evil.example.com", 403],
  ])("as host %s is answered with %i", async (host, status) => {
    const { port } = running.app.adminAddress;
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ host: "127.0.0.1", port, path: "/", headers: { host } }, resolve).on("error", reject);
    });
    answer.resume();
    expect(answer.statusCode).toBe(status);
  });
});

describe("beyond loopback", () => {
  test.each([
    ["127.0.0.1:9464", undefined, "open"],
    ["[::1]:9464", undefined, "open"],
    ["127.0.0.1:9464", false, "off"],
    ["0.0.0.0:9464", undefined, "off"],
    ["0.0.0.0:9464", true, "guarded"],
  ])("at %s with status_page %s it is %s", (adminListen, asked, statusPage) => {
    const yaml = `admin_listen: "${adminListen}"\n${asked === undefined ? "" : `status_page: ${asked}\n`}`;
    expect(read({ yaml }).statusPage).toBe(statusPage);
  });

  test("it is shown to a client with observe, by credentials or token, and each look is audited", async () => {
    const core = await startCore([client("operator", { permissions: new Set(["observe"]) }), client("nobody")]);
    const admin = createAdminServer({
      listen: { host: "127.0.0.1", port: 0 },
      parts: () => [],
      metrics: { contentType: "text/plain", read: async () => "" },
      status: statusFor({ statusPage: "guarded" }, core.operators, async () => "the page"),
      onFault: () => {},
    });
    const { port } = await admin.listen();
    onTestFinished(() => admin.close());
    const look = async (authorization?: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: authorization ? { authorization } : {} });
      return [answer.status, await answer.text()];
    };
    const basic = (id: string, secret = secretOf(id)) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
    const { access_token: token } = await core.login("operator");
    expect(await look()).toEqual([401, expect.stringContaining("No client credentials")]);
    expect(await look(basic("operator", "wrong"))).toEqual([401, expect.stringContaining("authentication failed")]);
    expect(await look(basic("nobody"))).toEqual([403, expect.stringContaining("lacks permission 'observe'")]);
    expect(await look(basic("operator"))).toEqual([200, "the page"]);
    expect(await look(`Bearer ${token}`)).toEqual([200, "the page"]);
    expect(core.recorded.map(({ event }) => event).filter((event) => event.startsWith("operat"))).toEqual([
      "operationRefused",
      "operationRefused",
      "operationRefused",
      "operated",
      "operated",
    ]);
  });
});

test("on loopback it can be switched off", async () => {
  await using off = await startStatusWorld({ status_page: false });
  expect((await fetch(`${off.adminUrl}/`)).status).toBe(404);
});
