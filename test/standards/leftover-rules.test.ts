/** Rules of docs/standards.md that belong to no other test: what every answer has, whatever was asked. */
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { connect, type IncomingHttpHeaders, type Settings } from "node:http2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import {
  byPost,
  CATALOG,
  EXCHANGE,
  freshAddress,
  ISSUER,
  login,
  postForm,
  secretOf,
  startWorld,
  typeUrn,
} from "../attack/world.js";
import type { RunningApp } from "../support/running-app.js";

let app: RunningApp;
beforeAll(async () => {
  app = await startWorld();
});
afterAll(() => app[Symbol.asyncDispose]());

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

const PATH = "/icemint.v1.TokenService/GetToken";
const SPARK = { clientId: "spark", clientSecret: secretOf("spark") };

function askJson(message: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(app.url + PATH, {
    method: "POST",
    body: JSON.stringify(message),
    headers: { "content-type": "application/json", "x-forwarded-for": freshAddress(), ...headers },
  });
}

describe("a token", () => {
  test("has an id of 128 random bits, in a session of its own, and never the same twice", async () => {
    const claims = (await Promise.all(Array.from({ length: 100 }, () => login(app, "spark")))).map(claimsOf);
    for (const name of ["jti", "sid"]) {
      const ids = claims.map((all) => String(all[name]));
      expect(new Set(ids).size).toBe(100);
      for (const id of ids) expect(Buffer.from(id, "base64url")).toHaveLength(16);
    }
  });

  test("is for the audience that was asked for, else for the client's default, never for nobody", async () => {
    const audienceOf = async (more: Readonly<Record<string, string>>): Promise<unknown> => {
      const { json } = await postForm(app, { grant_type: "client_credentials", ...byPost("spark"), ...more });
      return claimsOf(String(json["access_token"]))["aud"];
    };
    expect(await audienceOf({})).toBe(ISSUER);
    expect(await audienceOf({ audience: "" })).toBe(ISSUER);
    expect(await audienceOf({ resource: CATALOG })).toBe(CATALOG);
  });

  test("is not changed by a traceparent, an X-Request-Id or a forwarded address that a caller makes up", async () => {
    const headers = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "x-request-id": "mine" };
    const { json } = await postForm(app, { grant_type: "client_credentials", ...byPost("spark") }, headers);
    const { jti, sid, iat, exp, auth_time, session_exp, ...rest } = claimsOf(String(json["access_token"]));
    expect([jti, sid, iat, exp, auth_time, session_exp]).not.toContain(undefined);
    expect(rest).toEqual({ iss: ISSUER, sub: "spark", client_id: "spark", aud: ISSUER, scope: "catalog" });
  });

  test("that is refreshed by exchange stays good: nothing is used up or revoked by it", async () => {
    const token = await login(app, "spark");
    const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: typeUrn("access_token") };
    for (let at = 0; at < 3; at++) {
      expect(await postForm(app, form, { authorization: `Bearer ${token}` })).toMatchObject({ status: 200 });
    }
    const { json } = await postForm(app, { token, ...byPost("spark") }, {}, "/v1/oauth/introspect");
    expect(json).toMatchObject({ active: true });
  });
});

describe("an answer with a token is never compressed", () => {
  test("by the form endpoint and by Connect", async () => {
    const headers = { "accept-encoding": "gzip, br, deflate" };
    const form = await postForm(app, { grant_type: "client_credentials", ...byPost("spark") }, headers);
    const json = await askJson({ clientCredentials: {}, ...SPARK }, headers);
    expect([form.status, json.status]).toEqual([200, 200]);
    expect([form.headers.get("content-encoding"), json.headers.get("content-encoding")]).toEqual([null, null]);
  });

  test("by gRPC", async () => {
    const session = connect(app.url);
    const stream = session.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc+json",
      "grpc-accept-encoding": "gzip",
      te: "trailers",
    });
    const message = Buffer.from(JSON.stringify({ clientCredentials: {}, ...SPARK }));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    let headers: IncomingHttpHeaders = {};
    stream.once("response", (fields) => (headers = fields));
    const body = Buffer.concat(await stream.toArray());
    session.close();
    expect(headers["grpc-encoding"] ?? "identity").toBe("identity");
    expect(body.readUInt8(0)).toBe(0);
    expect(body.subarray(5).toString()).toContain("accessToken");
  });
});

describe("an HTTP/2 connection", () => {
  test("is told its limits: streams at once, size of header fields, no push", async () => {
    const session = connect(app.url);
    const settings = await new Promise<Settings>((resolve) => session.once("remoteSettings", resolve));
    session.close();
    expect(settings).toMatchObject({ maxConcurrentStreams: 100, maxHeaderListSize: 32 * 1024, enablePush: false });
  });
});

describe("JSON of Connect", () => {
  test("takes enum values by name and by number alike, as the protobuf JSON mapping says", async () => {
    const token = await login(app, "spark");
    for (const subjectTokenType of ["TOKEN_TYPE_ACCESS_TOKEN", 1]) {
      const answer = await askJson({ tokenExchange: { subjectToken: token, subjectTokenType }, ...SPARK });
      expect(answer.status).toBe(200);
    }
  });

  test("takes field names in both spellings, and ignores those that it does not know", async () => {
    const spelt = { client_credentials: {}, client_id: "spark", client_secret: secretOf("spark"), newer: { x: 1 } };
    expect((await askJson(spelt)).status).toBe(200);
  });
});

describe("a permission that is missing", () => {
  test("is 400 unauthorized_client at a form endpoint, PERMISSION_DENIED over RPC, 403 in Connect", async () => {
    const token = await login(app, "trino");
    const form = await postForm(app, { token, ...byPost("spark") }, {}, "/v1/oauth/revoke");
    expect(form).toMatchObject({ status: 400, json: { error: "unauthorized_client" } });
    const client = createClient(TokenService, createConnectTransport({ baseUrl: app.url, httpVersion: "1.1" }));
    const refused = await client
      .revokeToken({ ...SPARK, target: { case: "token", value: token } })
      .catch((error: unknown) => ConnectError.from(error));
    expect(refused).toMatchObject({ code: Code.PermissionDenied });
    const response = await fetch(`${app.url}/icemint.v1.TokenService/RevokeToken`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...SPARK, token }),
    });
    expect(response.status).toBe(403);
  });
});

describe("a Bearer at the introspection endpoint", () => {
  const inspect = (bearer: string) =>
    postForm(app, { token: bearer }, { authorization: `Bearer ${bearer}` }, "/v1/oauth/introspect");

  test("is the client's own and for this server", async () => {
    expect((await inspect(await login(app, "reader"))).json).toMatchObject({ active: true });
  });

  test("for another server is 401 with the challenge of RFC 6750 section 3", async () => {
    const form = { grant_type: "client_credentials", ...byPost("spark"), audience: CATALOG };
    const { json } = await postForm(app, form);
    const answer = await inspect(String(json["access_token"]));
    expect(answer).toMatchObject({ status: 401, json: { error: "invalid_client" } });
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="icemint", error="invalid_token"');
  });
});
