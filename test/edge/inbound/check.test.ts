/** Envoy's question over gRPC, and the answer that Envoy makes a caller's answer of. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { createExtAuthz } from "../../../src/edge/inbound/ext-authz.js";
import type { Verdict } from "../../../src/edge/inbound/judge.js";
import type { Rule } from "../../../src/edge/inbound/rules.js";
import type { HeaderValueOption } from "../../../src/gen/envoy/config/core/v3/base_pb.js";
import type { AttributeContext_HttpRequestSchema } from "../../../src/gen/envoy/service/auth/v3/attribute_context_pb.js";
import { Authorization, type CheckResponse } from "../../../src/gen/envoy/service/auth/v3/external_auth_pb.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { Health, HealthCheckResponse_ServingStatus } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { CALLERS } from "../../verifier/callers.js";
import { judged } from "./judged.js";

type Asked = MessageInitShape<typeof AttributeContext_HttpRequestSchema>;

interface World {
  readonly rules?: readonly Rule[];
  readonly ready?: boolean;
  readonly strip?: boolean;
}

async function asking({ rules = [], ready = true, strip = false }: World = {}) {
  const { judge, key, server: tokens } = await judged(rules, ready);
  const verdicts: Verdict[] = [];
  const onVerdict = (verdict: Verdict) => verdicts.push(verdict);
  const extAuthz = createExtAuthz({ judge, strip, onVerdict, isServing: () => ready });
  const { server } = extAuthz;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    extAuthz.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const client = createClient(Authorization, transport);
  const check = (http: Asked): Promise<CheckResponse> => client.check({ attributes: { request: { http } } });
  return { check, key, tokens, verdicts, health: createClient(Health, transport) };
}

const fieldsOf = (headers: readonly HeaderValueOption[]): Record<string, string> =>
  Object.fromEntries(headers.map(({ header }) => [header?.key, header?.value]));

function deniedOf({ httpResponse, status }: CheckResponse) {
  if (httpResponse.case !== "deniedResponse") throw new Error(`${httpResponse.case}`);
  const { value } = httpResponse;
  return { code: status?.code, status: value.status?.code, headers: fieldsOf(value.headers), body: value.body };
}

function okOf({ httpResponse, status }: CheckResponse) {
  expect(status?.code).toBe(0);
  if (httpResponse.case !== "okResponse") throw new Error(`${httpResponse.case}`);
  return {
    headers: fieldsOf(httpResponse.value.headers),
    removed: httpResponse.value.headersToRemove,
    all: httpResponse.value.headers,
  };
}

const RULES = [{ path: "/v1/*", scopes: ["read"] }];
const headersWith = (authorization: string | undefined, more: Record<string, string> = {}) => ({
  ...(authorization !== undefined && { authorization }),
  ...more,
});

describe("a request over HTTP", () => {
  test.each(CALLERS)("of $who: $status", async ({ authorization, ready, status, challenge }) => {
    const { check, key, verdicts } = await asking({ rules: RULES, ready });
    const response = await check({ path: "/v1/config?x", headers: headersWith(authorization(key)) });
    expect(verdicts.map(({ allowed }) => allowed)).toEqual([status === 200]);
    if (status === 200) {
      expect(okOf(response).headers).toMatchObject({ "x-icemint-subject": "alice" });
      return;
    }
    const { headers, body, ...denied } = deniedOf(response);
    expect(denied.status).toBe(status);
    expect(denied.code).not.toBe(0);
    expect(headers["www-authenticate"]).toBe(challenge);
    expect(headers["retry-after"]).toBe(status === 503 ? "1" : undefined);
    expect(headers).toMatchObject({ "content-type": "application/json", "cache-control": "no-store" });
    expect(JSON.parse(body)).toEqual({
      error: { code: status, type: expect.any(String), message: expect.any(String) },
    });
    expect(headers["grpc-status"]).toBeUndefined();
  });
});

describe("a call over gRPC", () => {
  test.each(CALLERS)("of $who: $code", async ({ authorization, ready, status, code, reason }) => {
    const { check, key } = await asking({ rules: RULES, ready });
    const headers = headersWith(authorization(key), { "content-type": "application/grpc+proto" });
    const response = await check({ path: "/v1/Say", headers });
    if (code === undefined) {
      expect(okOf(response).headers["x-icemint-subject"]).toBe("alice");
      return;
    }
    const denied = deniedOf(response);
    expect(denied).toMatchObject({ status, code, headers: { "grpc-status": String(code) } });
    const details = fromBinary(StatusSchema, Buffer.from(denied.headers["grpc-status-details-bin"] ?? "", "base64"));
    expect(details).toMatchObject({ code, message: denied.body });
    const [any] = details.details;
    expect(any && anyUnpack(any, ErrorInfoSchema)).toMatchObject({ domain: "icemint", reason });
    expect(denied.body).toMatch(/^[A-Z][A-Za-z .]+\.$/); // it becomes `grpc-message`
  });

  test("with an unusual path is INVALID_ARGUMENT", async () => {
    const { check, key } = await asking({ rules: RULES });
    const headers = headersWith(`Bearer ${key.token()}`, { "content-type": "application/grpc" });
    expect(deniedOf(await check({ path: "//v1/Say", headers }))).toMatchObject({
      status: 400,
      code: Code.InvalidArgument,
      headers: { "grpc-status": "3" },
    });
  });

  test.each(["application/grpc-web+proto", "application/json", "application/connect+proto"])(
    "as %s is answered as HTTP",
    async (type) => {
      const { check } = await asking();
      const denied = deniedOf(await check({ path: "/x", headers: { "content-type": type } }));
      expect(denied.headers["grpc-status"]).toBeUndefined();
      expect(denied.headers["content-type"]).toBe("application/json");
    },
  );
});

describe("an accepted request", () => {
  test("has every identity header set, over what the caller sent", async () => {
    const { check, key } = await asking();
    const token = key.token({ sub: "alice", act: { sub: "trino" }, sid: "s1" });
    const ok = okOf(
      await check({ path: "/x", headers: { authorization: `Bearer ${token}`, "x-icemint-subject": "eve" } }),
    );
    expect(ok.headers).toEqual({
      "x-icemint-subject": "alice",
      "x-icemint-client": "spark",
      "x-icemint-actors": "trino",
      "x-icemint-scope": "catalog",
      "x-icemint-session": "s1",
    });
    expect(new Set(ok.all.map(({ appendAction }) => appendAction))).toEqual(new Set([2])); // OVERWRITE_IF_EXISTS_OR_ADD
    expect(ok.removed).toEqual([]);
  });

  test("loses fields that a service may take for them", async () => {
    const { check, key } = await asking();
    const headers = {
      authorization: `Bearer ${key.token()}`,
      x_icemint_subject: "eve",
      "x-icemint.scope": "admin",
      x_id: "1",
    };
    expect(okOf(await check({ path: "/x", headers })).removed.toSorted()).toEqual([
      "x-icemint.scope",
      "x_icemint_subject",
    ]);
  });

  test("loses its token with `strip`", async () => {
    const { check, key } = await asking({ strip: true });
    const headers = { authorization: `Bearer ${key.token()}` };
    expect(okOf(await check({ path: "/x", headers })).removed).toEqual(["authorization"]);
  });

  test("may have its fields in a list, as with `encode_raw_headers` and from gRPC's own clients", async () => {
    const { check, key } = await asking();
    const field = (name: string, value: string) => ({ key: name, rawValue: Buffer.from(value) });
    const bearer = field("authorization", `Bearer ${key.token()}`);
    const list = (...headers: ReturnType<typeof field>[]) => check({ path: "/x", headerMap: { headers } });
    expect(okOf(await list(bearer, field("x_icemint_client", "eve"))).removed).toEqual(["x_icemint_client"]);
    expect(deniedOf(await list(bearer, bearer)).status).toBe(401);
    expect(deniedOf(await list(bearer, field("authorization", "Bearer x"))).status).toBe(401);
  });
});

describe("with rules", () => {
  test.each(["/v1/%61dmin", "/a//b/../c", "/v1%2Fadmin", "", "*"])("the path %j is 400", async (path) => {
    const { check, key } = await asking({ rules: [{ path: "/v1/admin/*", scopes: ["admin"] }] });
    const denied = deniedOf(await check({ path, headers: { authorization: `Bearer ${key.token()}` } }));
    expect(denied.status).toBe(400);
  });

  test("a path without one needs a live token only; without rules, no path is read", async () => {
    const some = await asking({ rules: [{ path: "/v1/admin/*", scopes: ["admin"] }] });
    const bearer = { authorization: `Bearer ${some.key.token()}` };
    okOf(await some.check({ path: "/v1/config", headers: bearer }));
    expect(deniedOf(await some.check({ path: "/v1/admin", headers: bearer })).status).toBe(403);
    const none = await asking();
    okOf(await none.check({ path: "/a//b/../c", headers: { authorization: `Bearer ${none.key.token()}` } }));
  });
});

test("a revoked session is refused from the next request on", async () => {
  const { check, key, tokens } = await asking();
  const headers = { authorization: `Bearer ${key.token({ sid: "stolen" })}` };
  okOf(await check({ path: "/x", headers }));
  tokens.stream.revoke({ case: "session", value: "stolen" });
  await expect.poll(async () => (await check({ path: "/x", headers })).status?.code).toBe(Code.Unauthenticated);
});

test("a question without a request is refused", async () => {
  const { check } = await asking();
  expect(deniedOf(await check({})).status).toBe(401);
});

describe("grpc.health.v1", () => {
  test.each([
    [true, HealthCheckResponse_ServingStatus.SERVING],
    [false, HealthCheckResponse_ServingStatus.NOT_SERVING],
  ])("says whether tokens can be verified: %s", async (ready, status) => {
    const { health } = await asking({ ready });
    for (const service of ["", "envoy.service.auth.v3.Authorization"]) {
      expect(await health.check({ service })).toMatchObject({ status });
    }
    await expect(health.check({ service: "other" })).rejects.toMatchObject({ code: Code.NotFound });
  });
});
