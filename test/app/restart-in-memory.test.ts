import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { secretOf } from "../support/core.js";
import { runApp } from "../support/running-app.js";

const pem = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" });
const options = {
  settings: {
    issuer: "https://tokens.example.com",
    keys: { files: ["signing.pem"] },
    clients: [{ id: "etl", grants: ["client_credentials", "token_exchange"], secrets: [{ file: "secret" }] }],
  },
  files: { "signing.pem": pem.toString(), secret: secretOf("etl") },
};

const START = Date.UTC(2026, 0, 1);

async function ask(url: string, form: Record<string, string>, bearer?: string) {
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  const body = new URLSearchParams(form);
  const response = await fetch(`${url}/v1/oauth/tokens`, { method: "POST", headers, body });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  return { status: response.status, token: token ?? "" };
}

test("a restart without Redis ends sessions also where keys come from files: what was revoked is forgotten", async () => {
  const byClient = { client_id: "etl", client_secret: secretOf("etl"), grant_type: "client_credentials" };
  const refresh = (token: string) => ({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: token,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  });
  let token = "";
  {
    await using first = await runApp({ ...options, frozenAt: START });
    ({ token } = await ask(first.url, byClient));
    expect((await ask(first.url, refresh(token), token)).status).toBe(200);
  }
  await using second = await runApp({ ...options, frozenAt: START + 10_000 });
  expect((await ask(second.url, refresh(token), token)).status).toBe(401);
  const { token: fresh } = await ask(second.url, byClient);
  expect((await ask(second.url, refresh(fresh), fresh)).status).toBe(200);
});
