/** Introspection by the client that stands for a resource server, over every transport of a running app. */
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHash } from "node:crypto";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { byPost, postForm, secretOf, startWorld } from "../attack/world.js";
import type { RunningApp } from "../support/running-app.js";
import { requestHttp2, rpcTransports } from "./support/token-callers.js";

const [LAKE, OTHER] = ["https://lake.example.com", "https://other.example.com"];
const own = (id: string) => [{ sha256: createHash("sha256").update(secretOf(id)).digest("hex") }];

let app: RunningApp;
beforeAll(async () => {
  const clients = [
    { id: "spark", secrets: own("spark"), audiences: { allowed: [LAKE, OTHER] } },
    { id: "lake", secrets: own("lake"), grants: [], serves: [LAKE] },
    { id: "lake-too", secrets: own("lake-too"), serves: [LAKE], permissions: ["introspect"] },
    { id: "all", secrets: own("all"), permissions: ["introspect"] },
    { id: "none", secrets: own("none") },
  ];
  app = await startWorld({ clients });
});
afterAll(() => app[Symbol.asyncDispose]());

/** What an introspection says: its members where the token is active. */
type Ask = (id: string, token: string) => Promise<{ readonly active: boolean; readonly claims?: unknown }>;

const PATH = "/v1/oauth/introspect";
const SIGNED = "application/token-introspection+jwt";

const askers: Readonly<Record<string, Ask>> = {
  "form over HTTP/1.1": async (id, token) => read((await postForm(app, { token, ...byPost(id) }, {}, PATH)).text),
  "form over HTTP/2": async (id, token) => {
    const headers = { ":method": "POST", ":path": PATH, "content-type": "application/x-www-form-urlencoded" };
    return read(
      (await requestHttp2(app.url, { headers, body: new URLSearchParams({ token, ...byPost(id) }).toString() })).body,
    );
  },
  "signed, by form": async (id, token) => {
    const { text } = await postForm(app, { token, ...byPost(id) }, { accept: SIGNED }, PATH);
    const payload = Buffer.from(text.split(".")[1] ?? "", "base64url").toString();
    return read(JSON.stringify((JSON.parse(payload) as { token_introspection: unknown }).token_introspection));
  },
  ...Object.fromEntries(
    Object.entries(rpcTransports).map(([name, transportTo]): [string, Ask] => [
      name,
      async (id, token) => {
        const service = createClient(TokenService, transportTo(app.url));
        const { active, claims } = await service.introspectToken({ token, clientId: id, clientSecret: secretOf(id) });
        return { active, ...(claims && { claims }) };
      },
    ]),
  ),
};

function read(text: string): { active: boolean; claims?: unknown } {
  const { active, ...claims } = JSON.parse(text) as { active: boolean };
  return { active, ...(Object.keys(claims).length > 0 && { claims }) };
}

async function tokenFor(id: string, audience?: string): Promise<string> {
  const form = { grant_type: "client_credentials", ...byPost(id), ...(audience !== undefined && { audience }) };
  return String((await postForm(app, form)).json["access_token"]);
}

describe.each(Object.entries(askers))("%s", (_, ask) => {
  test.each([
    ["lake", LAKE, true],
    ["lake", OTHER, false],
    ["lake-too", LAKE, true],
    ["lake-too", OTHER, false],
    ["all", OTHER, true],
    ["none", LAKE, false],
    ["spark", OTHER, true],
  ])("%s, asking about a token of spark for %s, hears active: %s", async (id, audience, active) => {
    const answer = await ask(id, await tokenFor("spark", audience));
    if (active) expect(answer).toMatchObject({ active, claims: { client_id: "spark", sub: "spark" } });
    else expect(answer).toEqual({ active: false });
  });

  test("a client that serves audiences may know of its own tokens still", async () => {
    expect(await ask("lake-too", await tokenFor("lake-too"))).toMatchObject({ active: true });
  });
});
