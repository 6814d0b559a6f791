/** iceberg-go, iceberg-rust and go-oidc, unmodified, against the built server. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ServerProcess } from "../support/server-process.js";
import { type Engine, goEngine, rustEngine } from "./engines.js";
import { FakeCatalog } from "./fake-catalog.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { postForm } from "./http-exchange.js";
import { verifyThroughRotations } from "./key-rotations.js";
import { LineProgram } from "./line-program.js";

const go = await goEngine();
const rust = await rustEngine();

const secret = generateSecret(randomBytes);
let server: ServerProcess;
let catalog: FakeCatalog;

beforeAll(async () => {
  const sha256 = createHash("sha256").update(secret).digest("hex");
  server = await ServerProcess.start({ settings: { clients: [{ id: "etl", secrets: [{ sha256 }] }] } });
  catalog = await FakeCatalog.start({ tokens: server.url });
});
afterAll(async () => {
  await catalog[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function launch(engine: Engine): LineProgram {
  if ("missing" in engine) throw new Error(engine.missing);
  return new LineProgram(engine.command, engine.args);
}

function start(more: object = {}): object {
  const properties = { uri: catalog.url, "oauth2-server-uri": `${server.url}/v1/oauth/tokens`, ...more };
  return { do: "start", properties };
}

/** How many tokens the catalog has seen since it had seen so many calls. */
function tokensSince(calls: number): number {
  return new Set(
    catalog
      .claims()
      .slice(calls)
      .map(({ jti }) => jti),
  ).size;
}

const because = (engine: Engine): string => ("missing" in engine ? engine.missing : "");

describe.skipIf("missing" in go)(`iceberg-go 0.7.0 and go-oidc 3${because(go)}`, () => {
  test.each([
    { how: "id and secret", credential: `etl:${secret}`, scope: "catalog" },
    { how: "the secret alone", credential: secret, scope: "catalog" },
    { how: "the scope of other engines", credential: `etl:${secret}`, scope: "PRINCIPAL_ROLE:ALL" },
  ])("lists namespaces with a token got by $how, and takes two at its start", async ({ credential, scope }) => {
    await using program = launch(go);
    const before = catalog.claims().length;
    await program.resultOf(start({ credential, scope }));
    expect(await program.resultOf({ do: "list" })).toEqual([["db"]]);
    expect(catalog.claims().at(-1)).toMatchObject({ sub: "etl", scope });
    expect(tokensSince(before)).toBe(2);
  });

  test("shows our words when the secret is wrong", async () => {
    await using program = launch(go);
    expect(await program.errorOf(start({ credential: "etl:wrong" }))).toMatch(/invalid_client.*credentials/s);
  });

  test("go-oidc verifies our tokens", async () => {
    await using program = launch(go);
    const own = { grant_type: "client_credentials", client_id: "etl", client_secret: secret };
    const { access_token: token } = expectTokenSet(await postForm(server.url, own));
    const jwks = `${server.url}/.well-known/jwks.json`;
    const ask = { do: "verify", jwks_uri: jwks, issuer: server.url, audience: server.url, token };
    expect(await program.resultOf(ask)).toBe("etl");
    expect(await program.errorOf({ ...ask, audience: "https://other.example.com" })).toMatch(/audience/);
    await verifyThroughRotations((question) => program.resultOf({ do: "verify", ...question }));
  });
});

describe.skipIf("missing" in rust)(`iceberg-catalog-rest 0.10.1 (Rust)${because(rust)}`, () => {
  test.each([
    { how: "id and secret", more: { credential: `etl:${secret}` }, scope: "catalog" },
    { how: "the secret alone", more: { credential: secret }, scope: "catalog" },
    { how: "two scopes", more: { credential: secret, scope: "catalog PRINCIPAL_ROLE:ALL" }, scope: /ROLE/ },
  ])("lists namespaces with a token got by $how, and keeps it", async ({ more, scope }) => {
    await using program = launch(rust);
    const before = catalog.claims().length;
    await program.resultOf(start(more));
    for (let i = 0; i < 3; i++) expect(await program.resultOf({ do: "list" })).toEqual(["db"]);
    expect(catalog.claims().at(-1)).toMatchObject({ sub: "etl", scope: expect.stringMatching(scope) });
    expect(tokensSince(before)).toBe(1);
    await program.resultOf({ do: "regenerate" });
    expect(await program.resultOf({ do: "list" })).toEqual(["db"]);
    expect(tokensSince(before)).toBe(2);
  });

  test("shows our words when the secret is wrong", async () => {
    await using program = launch(rust);
    await program.ask(start({ credential: "etl:wrong" }));
    expect(await program.errorOf({ do: "list" })).toMatch(/invalid_client.*credentials/s);
  });
});
