/** What no honest client sends gets the answer that the standards want: never a token by mistake, never a 500. */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { oddRequests } from "./cases/odd-requests.js";
import { sendRaw, startServer, tokenRequest, type TestServer } from "./support/fake-core.js";

let running: TestServer;
beforeAll(async () => {
  running = await startServer({ timeouts: { headersMs: 1000, requestMs: 1000 } });
});
afterAll(() => running.server.close());

test("the list is long enough to mean something", () => {
  expect(oddRequests.length).toBeGreaterThan(130);
  expect(new Set(oddRequests.map(({ name }) => name)).size).toBe(oddRequests.length);
});

describe.concurrent("odd requests", () => {
  for (const { name, bytes, status, says } of oddRequests) {
    test(name, async () => {
      const answer = await sendRaw(running.port, Buffer.from(bytes, "latin1"), 300);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.[01] ${status} `));
      if (says !== undefined) expect(answer.toLowerCase()).toContain(says.toLowerCase());
      if (status >= 400) expect(answer).not.toContain('access_token"');
      if (status >= 400) expect(answer).not.toContain("s3cr3t");
    });
  }
});

describe("answers of the form endpoints", () => {
  for (const path of ["/v1/oauth/tokens", "/v1/oauth/revoke", "/v1/oauth/introspect"]) {
    test(`${path} is never cached, refused or not`, async () => {
      for (const body of [
        "",
        "grant_type=client_credentials&token=t&client_id=spark&client_secret=s3cr3t-of-the-fake-client",
      ]) {
        const response = await fetch(running.url + path, { method: "POST", body: new URLSearchParams(body) });
        expect(response.headers.get("cache-control")).toBe("no-store");
        expect(response.headers.get("pragma")).toBe("no-cache");
        expect(response.headers.get("x-request-id")).toMatch(/^[\w-]{22}$/);
      }
    });
  }

  test("pipelined requests are answered in order", async () => {
    const one = (id: string) => `GET /errors HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n\r\n`;
    const answer = await sendRaw(running.port, one("a") + one("b") + one("c"));
    expect([...answer.matchAll(/X-Request-Id: (\w)/g)].map(([, id]) => id)).toEqual(["a", "b", "c"]);
  });

  test("each of many requests in one packet gets its own answer", async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `request-${at}`);
    const requests = ids.map((id) => tokenRequest({ scope: id }, `X-Request-Id: ${id}\r\n`));
    const answer = await sendRaw(running.port, requests.join(""));
    expect([...answer.matchAll(/X-Request-Id: ([\w-]+)/g)].map(([, id]) => id)).toEqual(ids);
    expect([...answer.matchAll(/"scope":"([\w-]+)"/g)].map(([, scope]) => scope)).toEqual(ids);
  });

  test.each(["quick", "slow"])(
    "a %s one reaches a client that has closed its half of the connection",
    async (scope) => {
      const socket = connect({ port: running.port, host: "127.0.0.1", allowHalfOpen: true });
      socket.end(tokenRequest({ scope }));
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test.each([
    ["nothing", ""],
    ["half a header", "POST /v1/oauth/tokens HTTP/1.1\r\nHost:"],
    ["half a body", tokenRequest().slice(0, -5)],
    ["a whole request", tokenRequest()],
  ])("a client that closes its half after %s is let go", async (_what, bytes) => {
    await using alone = await startServer();
    const socket = connect({ port: alone.port, host: "127.0.0.1", allowHalfOpen: true });
    const end = text(socket);
    socket.end(bytes);
    expect(await end).not.toMatch(/^HTTP\/1\.1 5/);
    await expect.poll(() => alone.server.connections().total).toBe(0);
  });

  test("an error description holds only the characters of RFC 6749 section 5.2, at most 200", async () => {
    const body = new URLSearchParams({ grant_type: "client_credentials", scope: "throw:dirty" });
    const response = await fetch(`${running.url}/v1/oauth/tokens`, { method: "POST", body });
    const { error_description: description } = (await response.json()) as { error_description: string };
    expect(description).toMatch(/^[\x20\x21\x23-\x5B\x5D-\x7E]{1,200}$/);
  });
});
