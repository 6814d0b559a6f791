/** `--catalog`: the token, and never the credential, goes to the catalog; each refusal is explained. */
import { describe, expect, test } from "vitest";
import { diagnosed, found } from "./diagnosed.js";
import { type StubAnswer, STUB_CREDENTIAL, startStub } from "./stub-endpoint.js";

const json = { "content-type": "application/json" };
const said = (status: number, message: string): StubAnswer => ({ status, headers: json, body: { error: { message } } });

async function ask(answer: StubAnswer) {
  await using endpoint = await startStub();
  await using catalog = await startStub({ fault: () => answer, path: "/api/catalog" });
  const report = await diagnosed(endpoint.url, { catalog: catalog.url, warehouse: "lake" });
  return { report, asked: catalog.requests };
}

describe("the catalog", () => {
  test.each([
    ["CATALOG_REFUSES_TOKEN", said(401, "no such principal")],
    ["CATALOG_FORBIDS", said(403, "no such role")],
    ["CATALOG_STATUS_419", said(419, "expired")],
    ["CATALOG_NOT_THERE", said(404, "not found")],
    ["CATALOG_NOT_THERE", { status: 200, headers: {}, body: "<html>" }],
    ["CATALOG_ERROR", said(500, "oops")],
    ["CATALOG_ERROR", { status: 302, headers: { location: "https://elsewhere.example/" }, body: "" }],
    ["CATALOG_CONFIG_REFUSED", said(400, "Please specify a warehouse")],
  ] as const)("%s", async (id, answer) => {
    const { report } = await ask(answer);
    expect(found(report)).toContain(id);
    const finding = [...report.findings, ...report.notes].find((one) => one.id === id);
    const { error } = answer.body as { error?: { message: string } };
    if (error !== undefined) expect(finding?.what).toContain(error.message);
  });

  test("gets the token and the warehouse, once, and nothing of the credential", async () => {
    const { report, asked } = await ask({ status: 200, headers: json, body: { defaults: {}, overrides: {} } });
    expect(report).toMatchObject({ findings: [], catalog: "The catalog takes the token." });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.method).toBe("GET");
    expect(asked[0]?.headers.authorization).toMatch(/^Bearer token-\d+$/);
    expect(JSON.stringify(asked)).not.toContain(STUB_CREDENTIAL.secret);
  });

  test("a token that is a JWT is explained by its claims, and not shown", async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const jwt = `${part({ alg: "ES256" })}.${part({ iss: "https://idp.example", aud: "lake", exp })}.c2ln`;
    await using endpoint = await startStub({
      fault: (right) =>
        right.status === 200 ? { ...right, body: { ...(right.body as object), access_token: jwt } } : right,
    });
    await using catalog = await startStub({ fault: () => said(401, `bad token ${jwt}`) });
    const report = await diagnosed(endpoint.url, { catalog: catalog.url });
    const finding = report.findings.find(({ id }) => id === "CATALOG_REFUSES_TOKEN");
    expect(finding?.what).toContain('iss="https://idp.example" aud="lake"');
    expect(JSON.stringify(report)).not.toContain(jwt);
  });
});
