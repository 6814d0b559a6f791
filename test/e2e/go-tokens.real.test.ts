/** grpc-go's credentials/sts, golang.org/x/oauth2 and Prometheus' common package, unmodified, against the built server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { claimsOf } from "../support/core.js";
import { goTokensEngine } from "./engines.js";
import { LineProgram } from "./line-program.js";
import { type WorkloadWorld, startWorkloadWorld } from "./workload-world.js";

const JWT = "urn:ietf:params:oauth:token-type:jwt";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const go = await goTokensEngine();

describe.skipIf("missing" in go)(`Go${"missing" in go ? go.missing : ""}`, () => {
  let world: WorkloadWorld;
  let program: LineProgram;

  beforeAll(async () => {
    world = await startWorkloadWorld();
    if (!("missing" in go)) program = new LineProgram(go.command, go.args);
  });
  afterAll(async () => {
    await program[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  /** The claims of the token of each call that the service saw. */
  async function calls(question: object): Promise<readonly Record<string, unknown>[]> {
    const seen = (await program.resultOf({ calls: 3, ...question })) as readonly string[];
    return seen.map((authorization) => {
      expect(authorization).toMatch(/^bearer /i);
      return claimsOf(authorization.slice("bearer ".length));
    });
  }

  describe("grpc-go 1.85.0, credentials/sts", () => {
    const options = (more: object = {}) => ({
      do: "sts",
      sts: {
        TokenExchangeServiceURI: world.tokenUrl,
        SubjectTokenPath: world.file("user", `${world.user()}\n`),
        SubjectTokenType: JWT,
        ActorTokenPath: world.file("pod", `${world.projected()}\n`),
        ActorTokenType: JWT,
        ...more,
      },
    });

    test("acts for a user by two files, in JSON, with Google's scope and no other credentials, once for three calls", async () => {
      const claims = await calls(options());
      expect(claims).toHaveLength(3);
      expect(new Set(claims.map(({ jti }) => jti)).size).toBe(1);
      expect(claims[0]).toMatchObject({ sub: "idp:ada", act: { sub: "shop/orders" }, scope: "catalog" });
    });

    test("asks for a scope and an audience", async () => {
      const [claims] = await calls(options({ Scope: "PRINCIPAL_ROLE:ALL", Audience: world.server.url }));
      expect(claims).toMatchObject({ scope: "PRINCIPAL_ROLE:ALL", aud: world.server.url });
    });

    test("fails its call where the pod's token is for somebody else", async () => {
      const file = world.file("default", world.projected({ aud: ["https://kubernetes.default.svc"] }));
      expect(await program.errorOf({ calls: 1, ...options({ ActorTokenPath: file }) })).toMatch(
        /Unauthenticated|status/,
      );
    });
  });

  describe("Prometheus' common package 0.74.0", () => {
    const prometheus = (oauth2: object) => ({ do: "prometheus", http: stringify({ oauth2 }) });

    test("gets a token by an assertion that it signs, for the token endpoint, and keeps it", async () => {
      const key = world.file("key.pem", world.privateKey);
      const oauth2 = {
        client_id: "prometheus",
        grant_type: JWT_BEARER,
        client_certificate_key_file: key,
        token_url: world.tokenUrl,
      };
      const claims = await calls(prometheus(oauth2));
      expect(new Set(claims.map(({ jti }) => jti)).size).toBe(1);
      expect(claims[0]).toMatchObject({ sub: "prometheus", client_id: "prometheus", scope: "catalog" });
      const elsewhere = prometheus({ ...oauth2, audience: "https://other.example.com" });
      expect(await program.errorOf({ calls: 1, ...elsewhere })).toMatch(/invalid_grant|ASSERTION_INVALID/);
    });

    test("gets a token by a secret", async () => {
      const oauth2 = {
        client_id: "broker",
        client_secret: world.secret,
        token_url: world.tokenUrl,
        scopes: ["catalog"],
      };
      expect((await calls(prometheus(oauth2)))[0]).toMatchObject({ sub: "broker", scope: "catalog" });
    });
  });

  test("Prometheus' common package reads a platform's token file as its secret, and again when it has changed", async () => {
    const file = world.file("rotated", world.projected());
    const oauth2 = { client_id: "shop/orders", client_secret_file: file, token_url: world.tokenUrl };
    const question = { do: "prometheus", http: stringify({ oauth2 }) };
    expect((await calls(question))[0]).toMatchObject({ sub: "shop/orders" });
    world.file("rotated", "nobody's");
    expect(await program.errorOf({ calls: 1, ...question })).toMatch(/invalid_client|401/);
    world.file("rotated", `${world.projected()}\n`);
    expect((await calls(question))[0]).toMatchObject({ sub: "shop/orders" });
  });

  describe("golang.org/x/oauth2 0.38.0", () => {
    test("gets a token by client credentials, with a platform's token in the secret's place", async () => {
      const client = { ClientID: "shop/orders", ClientSecret: world.projected(), TokenURL: world.tokenUrl };
      expect((await calls({ do: "client credentials", client }))[0]).toMatchObject({ sub: "shop/orders" });
    });

    test("gets a token by its two-legged JWT grant", async () => {
      const jwt = {
        Email: "prometheus",
        Subject: "prometheus",
        PrivateKey: world.privateKey,
        TokenURL: world.tokenUrl,
        Scopes: ["catalog"],
      };
      expect((await calls({ do: "jwt", jwt }))[0]).toMatchObject({ sub: "prometheus", client_id: "prometheus" });
    });
  });
});
