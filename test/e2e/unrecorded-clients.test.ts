/**
 * Requests of clients that were not recorded: each is written from the client's source, which its comment names, and sent to
 * the built server. What those clients need in the answer is checked by their rules.
 */
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { claimsOf } from "../support/core.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { postForm, send } from "./http-exchange.js";
import { CATALOG, type WorkloadWorld, startWorkloadWorld } from "./workload-world.js";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

let world: WorkloadWorld;
beforeAll(async () => {
  world = await startWorkloadWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

type Pairs = readonly (readonly [string, string])[];

const encoded = (pairs: Pairs): string =>
  String(new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])));
const broker = (): readonly [string, string] => [
  "Authorization",
  `Basic ${Buffer.from(`broker:${world.secret}`).toString("base64")}`,
];

/** The answer, as every client reads it, and the claims of its token. */
async function answered(body: string, headers: Pairs = []) {
  const answer = await postForm(world.server.url, body, headers);
  const { access_token: token } = expectTokenSet(answer);
  const members: Record<string, unknown> = JSON.parse(answer.body);
  return { members, claims: claimsOf(token) };
}

/** What a client signs with the key of `prometheus`. */
function signed(changes: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "prometheus", sub: "prometheus", aud: world.tokenUrl, iat: now, exp: now + 300, ...changes };
  const input = [{ alg: "RS256", typ: "JWT" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${input}.${sign("sha256", Buffer.from(input), createPrivateKey(world.privateKey)).toString("base64url")}`;
}

/** grpc/grpc, `oauth2_credentials.cc`: nothing is percent-encoded, and the text of a file stands as it is. */
describe("gRPC's C core, STS (not recorded)", () => {
  test("acts for a user by a form that encodes nothing, and finds what it needs in the answer", async () => {
    const body =
      `grant_type=${EXCHANGE}&subject_token=${world.user()}\n&subject_token_type=${JWT}` +
      `&audience=${world.server.url}&actor_token=${world.projected()}\n&actor_token_type=${JWT}`;
    const { members, claims } = await answered(body);
    expect(claims).toMatchObject({ sub: "idp:ada", act: { sub: "shop/orders" } });
    expect(members).toMatchObject({ token_type: expect.any(String), expires_in: expect.any(Number) });
  });
});

/** kagent, `go/adk/pkg/sts` and `python/packages/agentsts-core`: the user's Bearer and the pod's token, and nothing else. */
describe("kagent (not recorded)", () => {
  const form = (more: Pairs = []): string =>
    encoded([
      ["grant_type", EXCHANGE],
      ["subject_token", world.user()],
      ["subject_token_type", JWT],
      ["actor_token", world.projected()],
      ["actor_token_type", JWT],
      ...more,
    ]);

  test("acts for its user without credentials of a client", async () => {
    const { members, claims } = await answered(form());
    expect(claims).toMatchObject({ sub: "idp:ada", act: { sub: "shop/orders" } });
    // Its Python refuses any other than five types.
    expect(members["issued_token_type"]).toBe(ACCESS_TOKEN);
  });

  test("may name a resource and an audience, each more than once", async () => {
    const own = world.server.url;
    const { claims } = await answered(
      form([
        ["resource", own],
        ["resource", own],
        ["audience", own],
      ]),
    );
    expect(claims).toMatchObject({ aud: own });
  });

  test("is refused with the token that Kubernetes mounts by default, which is for the API server", async () => {
    const body = form().replace(/actor_token=[^&]*/, `actor_token=${world.projected({ aud: ["https://k8s"] })}`);
    const { status, body: text } = await postForm(world.server.url, body);
    expect([status, JSON.parse(text)]).toMatchObject([400, { error: "invalid_request" }]);
  });
});

/** dremio/iceberg-auth-manager: `client-id` is always there, alone or with a secret in Basic. */
describe("Dremio's AuthManager (not recorded)", () => {
  test("sends an assertion with its client_id, scope and further parameters", async () => {
    const pairs: Pairs = [
      ["grant_type", JWT_BEARER],
      ["client_id", "shop/orders"],
      ["assertion", world.projected()],
      ["scope", "catalog"],
      ["extra", "x"],
    ];
    expect((await answered(encoded(pairs))).claims).toMatchObject({ sub: "shop/orders", scope: "catalog" });
  });

  test("exchanges a user's token by Basic, with several audiences and a requested type", async () => {
    const pairs: Pairs = [
      ["grant_type", EXCHANGE],
      ["subject_token", world.user()],
      ["subject_token_type", ACCESS_TOKEN],
      ["audience", CATALOG],
      ["resource", CATALOG],
      ["requested_token_type", ACCESS_TOKEN],
    ];
    const { claims } = await answered(encoded(pairs), [broker()]);
    expect(claims).toMatchObject({ sub: "idp:ada", aud: CATALOG, act: { sub: "broker" } });
  });
});

/** stacklok/toolhive: Basic where it has id and secret; `requested_token_type` always. agentgateway sends the second leg alike. */
describe("ToolHive (not recorded)", () => {
  test("exchanges a user's token, and reads token_type and issued_token_type", async () => {
    const pairs: Pairs = [
      ["grant_type", EXCHANGE],
      ["subject_token", world.user()],
      ["subject_token_type", ACCESS_TOKEN],
      ["requested_token_type", ACCESS_TOKEN],
    ];
    const { members } = await answered(encoded(pairs), [broker()]);
    expect(String(members["token_type"])).toMatch(/^bearer$/i);
    expect(members["issued_token_type"]).toBe(ACCESS_TOKEN);
  });

  test("sends the second leg of Cross App Access: an ID-JAG and its own credentials, no resource", async () => {
    const pairs: Pairs = [
      ["grant_type", JWT_BEARER],
      ["assertion", world.idJag()],
    ];
    const { members, claims } = await answered(encoded(pairs), [broker()]);
    expect(claims).toMatchObject({ sub: "idp:ada", client_id: "broker", act: { sub: "broker" } });
    expect(members).not.toHaveProperty("refresh_token");
  });
});

/** open-telemetry/opentelemetry-collector-contrib, `oauth2clientauthextension`: as Prometheus, for 30 minutes, and with scope. */
describe("OpenTelemetry's oauth2client extension (not recorded)", () => {
  test("sends an assertion of half an hour with a scope", async () => {
    const exp = Math.floor(Date.now() / 1000) + 1800;
    const assertion = signed({ exp, jti: randomUUID(), scope: "catalog" });
    const body = encoded([
      ["grant_type", JWT_BEARER],
      ["assertion", assertion],
      ["scope", "catalog"],
    ]);
    expect((await answered(body)).claims).toMatchObject({ sub: "prometheus", scope: "catalog" });
  });
});

/** modelcontextprotocol/conformance, `auth/wif-jwt-bearer`: an assertion of the workload and nothing else. */
describe("MCP's workload identity federation, SEP-1933 (not recorded)", () => {
  test.each(["", "/"])("sends an assertion for our issuer with %j at its end", async (slash) => {
    const { server } = world;
    const metadata = await send(server.url, {
      method: "GET",
      path: "/.well-known/oauth-authorization-server",
      headers: [],
      body: "",
    });
    const { issuer, grant_types_supported, token_endpoint_auth_methods_supported } = JSON.parse(metadata.body);
    expect(grant_types_supported).toContain(JWT_BEARER);
    expect(token_endpoint_auth_methods_supported).toContain("none");
    const body = encoded([
      ["grant_type", JWT_BEARER],
      ["assertion", world.projected({ aud: issuer + slash })],
    ]);
    expect((await answered(body)).claims).toMatchObject({ sub: "shop/orders" });
  });
});
