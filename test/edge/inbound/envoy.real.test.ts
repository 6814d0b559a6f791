/** What only Envoy does: gRPC through the edge, and paths and names as they come where no option changes them. */
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { type Doors, openDoors } from "../../../src/edge/inbound/doors.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { echoClient, startEcho } from "../../support/grpc-echo.js";
import { exchangeRaw } from "../../support/raw-http.js";
import { CALLERS } from "../../verifier/callers.js";
import { FRONT_PROXIES, type FrontProxy } from "../support/front-proxy.js";
import { startUpstream, type Upstream } from "../support/upstream.js";
import { identityIn, portOf, startEdge } from "./behind-proxy.js";
import { type LoadedVerifier, loadedVerifier } from "./loaded-verifier.js";

function front(doors: Doors, upstreamPort: number, edit?: (text: string) => string): Promise<FrontProxy> {
  if (envoy === undefined) throw new Error("no envoy");
  const extAuthzPort = portOf(doors, "ext_authz");
  return envoy.start({ upstreamPort, extAuthzPort, forwardAuthPort: 1, ...(edit && { edit }) });
}

/** Envoy as it is without the options that the example adds for paths and names. */
function bare(text: string): string {
  const settings = parse(text) as {
    static_resources: { listeners: { filter_chains: { filters: { typed_config: Record<string, unknown> }[] }[] }[] };
  };
  const [listener] = settings.static_resources.listeners;
  const manager = listener?.filter_chains[0]?.filters[0]?.typed_config ?? {};
  for (const option of [
    "normalize_path",
    "merge_slashes",
    "path_with_escaped_slashes_action",
    "common_http_protocol_options",
  ]) {
    expect(manager[option]).toBeDefined();
    delete manager[option];
  }
  return stringify(settings);
}

const [envoy] = FRONT_PROXIES;
const missing = envoy?.program.reason ?? "";

describe.skipIf(missing !== "")(`behind envoy${missing}`, () => {
  let loaded: { readonly ready: LoadedVerifier; readonly unready: LoadedVerifier };
  let edge: Doors;
  let echo: Awaited<ReturnType<typeof startEcho>>;
  let seen: grpc.Metadata[] = [];
  beforeAll(async () => {
    echo = await startEcho({}, (metadata) => seen.push(metadata));
    loaded = { ready: await loadedVerifier(), unready: await loadedVerifier(false) };
    edge = await startEdge(loaded.ready);
  });
  afterAll(async () => {
    await edge.close(0);
    for (const { verifier } of [loaded.ready, loaded.unready]) await verifier.close();
    await echo[Symbol.asyncDispose]();
  });
  beforeEach(() => void (seen = []));

  async function call(proxy: FrontProxy, field: string | undefined, method: "say" | "sayTwice" = "say") {
    const withField: grpc.Interceptor = (options, next) =>
      new grpc.InterceptingCall(next(options), {
        start(metadata, listener, proceed) {
          if (field !== undefined) metadata.set("authorization", field);
          metadata.set("x-icemint-subject", "mallory");
          proceed(metadata, listener);
        },
      });
    using client = echoClient(proxy.port, { interceptors: [withField] });
    return await client[method]("hello").then(
      (answer) => ({ answer, error: undefined }),
      (error: grpc.ServiceError) => ({ answer: undefined, error }),
    );
  }

  // The service's one method stands for all: a scope is asked for everywhere.
  test.each(CALLERS)("a gRPC call of $who: $code", async ({ authorization, ready, code, reason }) => {
    const { verifier } = ready ? loaded.ready : loaded.unready;
    const address = { host: "127.0.0.1", port: 0 };
    const own = await openDoors(
      {
        extAuthz: address,
        forwardAuth: address,
        pathHeader: "x-forwarded-uri",
        rules: [{ path: "/test.Echo/*", scopes: ["read"] }],
        strip: true,
      },
      { verifier, onVerdict: () => {}, onFault: () => {} },
    );
    await using proxy = await front(own, echo.port);
    for (const method of ["say", "sayTwice"] as const) {
      const { error } = await call(proxy, authorization(loaded.ready.key), method);
      expect(error?.code, error?.message).toBe(code);
      if (code === undefined) {
        expect(seen.at(-1)?.get("x-icemint-subject")).toEqual(["alice"]);
        expect(seen.at(-1)?.get("authorization")).toEqual([]);
        continue;
      }
      const [bytes] = error?.metadata.get("grpc-status-details-bin") ?? [];
      const [any] = fromBinary(StatusSchema, bytes as Buffer).details;
      expect(any && anyUnpack(any, ErrorInfoSchema)).toMatchObject({ domain: "icemint", reason });
      expect(seen).toEqual([]);
    }
    await own.close(0);
  });

  test("a gRPC call while the edge is away is UNAVAILABLE", async () => {
    const gone = await startEdge(loaded.ready);
    await gone.close(0);
    await using proxy = await front(gone, echo.port);
    const { error } = await call(proxy, `Bearer ${loaded.ready.key.token()}`);
    expect(error?.code).toBe(grpc.status.UNAVAILABLE);
    expect(seen).toEqual([]);
  });

  describe("without the options for paths and names", () => {
    let upstream: Upstream;
    let proxy: FrontProxy;
    beforeAll(async () => {
      upstream = await startUpstream();
      proxy = await front(edge, upstream.port, bare);
    });
    afterAll(async () => {
      await proxy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    });
    const send = (target: string, lines: readonly string[] = []) => {
      const head = [`GET ${target} HTTP/1.1`, "Host: catalog", `Authorization: Bearer ${loaded.ready.key.token()}`];
      return exchangeRaw(proxy.port, { pieces: [`${[...head, ...lines].join("\r\n")}\r\n\r\n`], until: 1 });
    };

    test.each(["/v1/x/../admin/y", "//v1/admin/y", "/v1/%61dmin/y", "/v1/admin;x/y", "/v1%2Fadmin/y", "/a//b/../c"])(
      "the edge refuses %s with 400",
      async (target) => {
        const { answers } = await send(target);
        expect(answers[0]?.status).toBe(400);
        expect(upstream.requests).toEqual([]);
      },
    );

    test("the edge takes away what a service may take for its fields", async () => {
      const lines = ["x_icemint_subject: mallory", "x.icemint-scope: admin", "x_other: kept"];
      const { answers } = await send("/v1/config", lines);
      expect(answers[0]?.status).toBe(200);
      const [request, ...more] = upstream.requests;
      expect(more).toEqual([]);
      expect(request && identityIn(request)).toMatchObject({
        "x-icemint-subject": ["alice"],
        "x-icemint-scope": ["catalog"],
      });
      expect(request?.fields).toContainEqual(["x_other", "kept"]);
    });
  });
});
