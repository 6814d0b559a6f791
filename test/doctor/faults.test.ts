/** Each fault that the doctor knows is planted in an endpoint that is otherwise right, and found. */
import { createServer } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { MOST_REQUESTS } from "../../src/doctor/exchange.js";
import { loadKit } from "../../src/doctor/kit.js";
import { diagnosed, found } from "./diagnosed.js";
import { FAULTS } from "./faults.js";
import { STUB_CREDENTIAL, refusal, startStub } from "./stub-endpoint.js";

describe("an endpoint with one fault", () => {
  test.each(Object.entries(FAULTS))("%s is found", async (id, fault) => {
    await using stub = await startStub({ fault });
    const waits = id === "REFRESH_EXPIRED_REFUSED" ? { waitMs: 3000, sleep: (ms: number) => sleep(ms) } : {};
    const report = await diagnosed(stub.url, waits);
    expect(found(report)).toContain(id);
    expect(stub.requests.length).toBeLessThanOrEqual(MOST_REQUESTS);
    expect(JSON.stringify(report)).not.toContain(STUB_CREDENTIAL.secret);
  });

  test("a fault in one answer is no fault of another", async () => {
    await using stub = await startStub({ fault: FAULTS["EXPIRES_IN_STRING"] ?? expect.fail() });
    expect((await diagnosed(stub.url)).findings.map(({ id }) => id)).toEqual(["EXPIRES_IN_STRING"]);
  });

  test("where there is no token endpoint, nothing else is said of the answers", async () => {
    await using stub = await startStub({ fault: FAULTS["NOT_A_TOKEN_ENDPOINT"] ?? expect.fail() });
    expect(found(await diagnosed(stub.url))).toEqual(["NOT_A_TOKEN_ENDPOINT"]);
  });

  test("only the client that meets a fault of its own is named", async () => {
    await using stub = await startStub({ fault: FAULTS["START_REFUSED"] ?? expect.fail() });
    const { findings } = await diagnosed(stub.url);
    expect(findings).toMatchObject([{ id: "START_REFUSED", clients: ["iceberg-go"], when: "at once" }]);
  });
});

describe("an endpoint that does what clients need, and no more", () => {
  test("has no findings", async () => {
    await using stub = await startStub();
    const report = await diagnosed(stub.url);
    expect(report.findings).toEqual([]);
    expect(report.error).toBeUndefined();
  });

  test("is asked at most 40 times, with a wrong secret once", async () => {
    await using stub = await startStub({
      fault: (right, request, response) => FAULTS["REFRESH_TOKEN_REFUSED"]?.(right, request, response) ?? right,
    });
    await using catalog = await startStub();
    const report = await diagnosed(stub.url, { catalog: catalog.url });
    expect(report.requests).toBe(stub.requests.length + catalog.requests.length);
    expect(report.requests).toBeLessThanOrEqual(MOST_REQUESTS);
    const wrong = stub.requests.filter(({ isRightful, by, form, headers }) => {
      const secret =
        by === "basic"
          ? Buffer.from(headers.authorization?.slice(6) ?? "", "base64").toString()
          : form.get("client_secret");
      return !isRightful && (by === "basic" || by === "form") && !secret?.includes(STUB_CREDENTIAL.secret);
    });
    expect(wrong).toHaveLength(1);
  });
});

describe("an endpoint that cannot be asked", () => {
  test("a closed port is no diagnosis", async () => {
    const stub = await startStub();
    await stub[Symbol.asyncDispose]();
    const report = await diagnosed(stub.url);
    expect(report.error).toMatch(/ECONNREFUSED/);
  });

  test("one that never answers is given up", async () => {
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const report = await diagnosed(new URL(`http://127.0.0.1:${port}/token`), { timeoutMs: 100 });
    server.close();
    expect(report.error).toMatch(/in time/);
  });

  test("one that answers a drop at a time is given up", async () => {
    await using stub = await startStub({
      fault: async (right, _request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        while (!response.destroyed) {
          response.write(" ");
          await sleep(10);
        }
        return right;
      },
    });
    expect((await diagnosed(stub.url, { timeoutMs: 200 })).error).toMatch(/in time/);
  });

  test("a request that is never answered is a finding where others are", async () => {
    await using stub = await startStub({
      fault: (right, { form }) => (form.has("subject_token") ? new Promise(() => {}) : right),
    });
    const report = await diagnosed(stub.url, { timeoutMs: 100 });
    expect(found(report)).toContain("TIMED_OUT");
  });

  test("a credential that is refused by every way is no diagnosis", async () => {
    await using stub = await startStub();
    const report = await diagnosed(stub.url, { credential: { id: "etl", secret: "of-another-client" } });
    expect(report.error).toMatch(/refuses this credential by every way: 401 invalid_client/);
    // Form, Basic, and Basic form-encoded: a lockout must not follow from a typo.
    expect(stub.requests).toHaveLength(3);
  });
});

test("an endpoint that forbids everyone is no diagnosis, and one that knows no scope is", async () => {
  await using forbidding = await startStub({ fault: () => refusal(403, "access_denied") });
  const { error, findings } = await diagnosed(forbidding.url);
  expect(error).toMatch(/nobody gets a token with this credential: 403 access_denied/);
  expect(findings.map(({ id }) => id)).not.toContain("POST_REFUSED");
  await using narrow = await startStub({ fault: () => refusal(400, "invalid_scope") });
  const report = await diagnosed(narrow.url);
  expect(report.error).toBeUndefined();
  const scopes = ["SCOPE_CATALOG_REFUSED", "SCOPE_ROLE_ALL_REFUSED", "SCOPE_ABSENT_REFUSED"];
  expect(report.findings.map(({ id }) => id)).toEqual(scopes);
});

test("slow answers are a finding", async () => {
  await using stub = await startStub();
  // Two seconds pass with each answer.
  const report = await diagnosed(stub.url, { clock: () => Date.now() + stub.requests.length * 2000 });
  expect(found(report)).toContain("SLOW");
});

test("the kit has no finding that no test plants", () => {
  const elsewhere = [
    "TLS_NOT_TRUSTED",
    "INSECURE_TRANSPORT",
    "TIMED_OUT",
    "SLOW",
    "BASIC_RAW_REFUSED",
    "BASIC_ENCODED_REFUSED",
  ];
  const ids = loadKit().findings.map(({ id }) => id);
  const planted = [...Object.keys(FAULTS), ...elsewhere];
  expect(ids.filter((id) => !planted.includes(id) && !id.startsWith("CATALOG_"))).toEqual([]);
  expect(planted.filter((id) => !ids.includes(id))).toEqual([]);
});
