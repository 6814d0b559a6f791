/** A running app with something in every section of its status page, some of it named by callers. */
import { createHash } from "node:crypto";
import { DAY } from "../../../src/time/clock.js";
import { type RunningApp, runApp } from "../../support/running-app.js";

export const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(2)>\u202Egnp`;
const OPERATOR = "the-secret-of-the-operator-0123";

const sha256 = (secret: string) => createHash("sha256").update(secret).digest("hex");
const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

export async function startStatusWorld(settings: Readonly<Record<string, unknown>> = {}): Promise<RunningApp> {
  const secretOf = (id: string) => `the-secret-of-${id}-0123456789`;
  const running = await runApp({
    settings: {
      issuer: "https://tokens.example.com",
      clients: [
        { id: "operator", secrets: [{ sha256: sha256(OPERATOR) }], permissions: ["observe", "revoke"] },
        { id: "nobody", secrets: [{ sha256: sha256(secretOf("nobody")) }] },
        ...["nightly-etl", "reports-api", "trino"].map((id, at) => ({
          id,
          secrets: [
            { sha256: sha256(secretOf(id)), expires: new Date(Date.now() + (at * 8 + 2) * DAY).toISOString() },
            { sha256: sha256(`${secretOf(id)}-old`), expires: new Date(Date.now() - DAY).toISOString() },
          ],
        })),
      ],
      ...settings,
    },
  });
  const token = (id: string, secret: string) =>
    fetch(`${running.url}/v1/oauth/tokens`, {
      method: "POST",
      headers: { authorization: basic(id, secret), "content-type": "application/x-www-form-urlencoded" },
      body: "grant_type=client_credentials",
    });
  for (const id of ["nightly-etl", "reports-api", "trino"]) await token(id, secretOf(id));
  for (let at = 0; at < 5; at++) await token("trino", `${secretOf("trino")}-old`);
  await token("reports-api", "wrong");
  await token("unknown-client", "wrong");
  for (const target of [{ subject: HOSTILE }, { client: "reports-api" }, { session: "s".repeat(22) }]) {
    await fetch(`${running.url}/icemint.v1.TokenService/RevokeToken`, {
      method: "POST",
      headers: { authorization: basic("operator", OPERATOR), "content-type": "application/json" },
      body: JSON.stringify(target),
    });
  }
  return running;
}
