/** `--listen`: what a client asks, without its secrets, and how it will behave. */
import { describe, expect, test } from "vitest";
import { type HeardRequest, describeRequest, recogniseClient } from "../../src/doctor/describe-request.js";
import { fillRequest } from "../../src/doctor/fill-request.js";
import { loadKit } from "../../src/doctor/kit.js";
import { listen } from "../../src/doctor/listen.js";

const kit = loadKit();
const values = {
  id: "etl",
  secret: "s3cret-of-the-client",
  scope: "catalog",
  token: "a-live-token",
  token_kind: "urn:ietf:params:oauth:token-type:access_token",
  dead_token: "a-dead-token",
  refresh_token: "a-refresh-token",
  unsecured_jwt: "eyJhbGciOiJub25lIn0.e30.",
  wrong_secret: "w",
};

function heard(client: (typeof kit.clients)[number], name: string): HeardRequest {
  const { method, headers, body } = fillRequest(client, name, values);
  const byName = Object.fromEntries(headers.map(([header, value]) => [header.toLowerCase(), value]));
  return { method, target: "/v1/oauth/tokens", headers: byName, body };
}

describe("a client", () => {
  test.each(kit.clients.map((client) => [client.id, client] as const))(
    "%s is known by its first request",
    (id, client) => {
      const [first] = client.requests;
      expect(recogniseClient(kit, heard(client, first?.name ?? ""))?.id).toBe(id);
    },
  );
});

test("no recorded request shows a secret or a token", () => {
  for (const client of kit.clients) {
    for (const { name } of client.requests) {
      const text = describeRequest(heard(client, name)).join("\n");
      expect(text).not.toMatch(/s3cret|a-live|a-dead|a-refresh|eyJ/);
      expect(text).toContain("grant_type = ");
    }
  }
});

test("a secret in the URL is not shown, and told to be one", () => {
  const request = {
    method: "POST",
    target: "/t?grant_type=client_credentials&client_secret=s3cret",
    headers: {},
    body: "",
  };
  const text = describeRequest(request).join("\n");
  expect(text).toContain("oauth_server_use_request_body = 1");
  expect(text).not.toContain("s3cret");
});

test("what a client sends cannot reach the terminal as an escape", () => {
  const esc = String.fromCharCode(27);
  const headers = { "user-agent": `${esc}[2J`, authorization: `Basic ${btoa(`${esc}[1m:x`)}` };
  const text = describeRequest({ method: "POST", target: `/${esc}]0;`, headers, body: `scope=${esc}[31m` }).join("\n");
  expect(text).not.toContain(esc);
});

test("a client gets a token and a catalog's settings, and is introduced once", async () => {
  const said: string[] = [];
  await using open = await listen({
    kit,
    host: "127.0.0.1",
    port: 0,
    say: (text) => said.push(text),
    clock: () => Date.now(),
  });
  const base = `http://127.0.0.1:${open.address.port}`;
  const headers = { "user-agent": "PyIceberg/0.12.0", "content-type": "application/x-www-form-urlencoded" };
  const body = "grant_type=client_credentials&client_id=etl&client_secret=s3cret&scope=catalog";
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(`${base}/v1/oauth/tokens`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ token_type: "bearer", expires_in: 60 });
  }
  expect(await (await fetch(`${base}/v1/config`)).json()).toEqual({ defaults: {}, overrides: {} });
  expect((await fetch(`${base}/v1/namespaces`)).status).toBe(404);
  const text = said.join("");
  expect(text.match(/This is like PyIceberg 0\.12\.0/g)).toHaveLength(1);
  expect(text).toContain("It never renews by time.");
  expect(text).not.toContain("s3cret");
});

test("a body over 64 KiB is refused", async () => {
  await using open = await listen({ kit, host: "127.0.0.1", port: 0, say: () => {}, clock: () => Date.now() });
  const url = `http://127.0.0.1:${open.address.port}/`;
  const answer = await fetch(url, { method: "POST", body: "x".repeat(70_000) }).then(
    ({ status }) => status,
    () => 413,
  );
  expect(answer).toBe(413);
});
