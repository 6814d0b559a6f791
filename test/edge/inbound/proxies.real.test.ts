/** The inbound half behind real proxies, each set up by its file of `examples/edge`. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Doors } from "../../../src/edge/inbound/doors.js";
import { exchangeRaw } from "../../support/raw-http.js";
import { CALLERS } from "../../verifier/callers.js";
import { FRONT_PROXIES, type FrontProxy, type FrontProxyKind } from "../support/front-proxy.js";
import { startUpstream, type Upstream, type UpstreamRequest } from "../support/upstream.js";
import { identityIn, portOf, startEdge } from "./behind-proxy.js";
import { type LoadedVerifier, loadedVerifier } from "./loaded-verifier.js";

function suite(kind: FrontProxyKind): void {
  let ready: LoadedVerifier;
  let unready: LoadedVerifier;
  let edge: Doors;
  let blindEdge: Doors;
  let upstream: Upstream;
  let proxy: FrontProxy;
  const front = (inbound: Doors, upstreamPort: number, edit?: (text: string) => string): Promise<FrontProxy> =>
    kind.start({
      upstreamPort,
      extAuthzPort: portOf(inbound, "ext_authz"),
      forwardAuthPort: portOf(inbound, "forward_auth"),
      ...(edit && { edit }),
    });
  beforeAll(async () => {
    [ready, unready] = [await loadedVerifier(), await loadedVerifier(false)];
    [edge, blindEdge] = [await startEdge(ready), await startEdge(unready)];
    upstream = await startUpstream();
    proxy = await front(edge, upstream.port);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    for (const inbound of [edge, blindEdge]) await inbound.close(0);
    for (const { verifier } of [ready, unready]) await verifier.close();
  });

  /** The requests that reached the service meanwhile. */
  async function reaching<T>(work: () => Promise<T>): Promise<{ answer: T; reached: readonly UpstreamRequest[] }> {
    const before = upstream.requests.length;
    const answer = await work();
    return { answer, reached: upstream.requests.slice(before) };
  }

  const bearer = (claims: object = {}): string => `Bearer ${ready.key.token({ scope: "catalog read", ...claims })}`;
  const sendRaw = (lines: readonly string[], target = "/v1/config") => {
    const head = [`GET ${target} HTTP/1.1`, "Host: catalog", "Connection: close", ...lines];
    return exchangeRaw(proxy.port, { pieces: [`${head.join("\r\n")}\r\n\r\n`], until: 1 });
  };
  const statusOf = async (exchange: ReturnType<typeof sendRaw>): Promise<number | undefined> =>
    (await exchange).answers[0]?.status;

  test.each(CALLERS.filter((caller) => caller.ready))("a request of $who: $status", async (caller) => {
    const field = caller.authorization(ready.key);
    const headers: Record<string, string> = field === undefined ? {} : { authorization: field };
    const { answer, reached } = await reaching(() => fetch(`${proxy.url}/v1/admin/x`, { headers }));
    expect(answer.status).toBe(caller.status);
    expect(reached.map(({ url }) => url)).toEqual(caller.status === 200 ? ["/v1/admin/x"] : []);
    expect(answer.headers.get("www-authenticate") ?? undefined).toBe(
      // nginx hands the challenge of a 401 on, and none of a 403.
      kind.name === "nginx" && caller.status === 403 ? undefined : caller.challenge,
    );
  });

  test("a service is told who calls; what a caller says of itself never arrives", async () => {
    const spoofed = ["x-icemint-subject", "X-Icemint-Client", "x-icemint-actors", "x-icemint-session"];
    const lines = [`Authorization: ${bearer({ scope: "", sid: "s1" })}`, ...spoofed.map((name) => `${name}: mallory`)];
    const { reached } = await reaching(() => sendRaw([...lines, "x-icemint-subject: eve"]));
    expect(reached.map(identityIn)).toEqual([
      {
        "x-icemint-subject": ["alice"],
        "x-icemint-client": ["spark"],
        "x-icemint-actors": ["-"],
        "x-icemint-scope": ["-"],
        "x-icemint-session": ["s1"],
      },
    ]);
  });

  test.each(["x_icemint_subject", "x-icemint_subject", "x.icemint.subject"])(
    "a field named %s never reaches the service",
    async (alias) => {
      const { reached } = await reaching(() => sendRaw([`Authorization: ${bearer()}`, `${alias}: mallory`]));
      for (const request of reached) expect(identityIn(request)["x-icemint-subject"]).toEqual(["alice"]);
    },
  );

  // A field that `Connection` names ends at the next hop (RFC 9110 section 7.6.1): proxies may drop ours.
  test.each(["x-icemint-subject", "authorization"])("naming %s in Connection gains a caller nothing", async (name) => {
    const head = ["GET /v1/admin/x HTTP/1.1", "Host: catalog", `Connection: close, ${name}`];
    const lines = [...head, `Authorization: ${bearer()}`, "x-icemint-subject: mallory"];
    const { reached } = await reaching(() =>
      exchangeRaw(proxy.port, { pieces: [`${lines.join("\r\n")}\r\n\r\n`], until: 1 }),
    );
    for (const request of reached)
      expect(["alice", undefined]).toContain(identityIn(request)["x-icemint-subject"]?.join());
  });

  test("of two Authorization fields none reaches the service, in whichever order", async () => {
    const [good, bad] = [`Authorization: ${bearer()}`, "Authorization: Bearer x"];
    for (const lines of [
      [good, bad],
      [bad, good],
      [good, good],
    ]) {
      const { answer, reached } = await reaching(() => statusOf(sendRaw(lines)));
      expect([400, 401]).toContain(answer);
      expect(reached).toEqual([]);
    }
  });

  test.each(["/v1/x/../admin/y", "//v1/admin/y", "/v1/%61dmin/y", "/v1/./admin/y", "/v1/admin;x/y", "/v1%2Fadmin/y"])(
    "%s does not get past the rule of /v1/admin",
    async (target) => {
      const { answer, reached } = await reaching(() =>
        statusOf(sendRaw([`Authorization: ${bearer({ scope: "catalog" })}`], target)),
      );
      expect([400, 403]).toContain(answer);
      expect(reached).toEqual([]);
    },
  );

  test("a path of Iceberg's, a query and a body arrive as they were sent", async () => {
    const target = "/v1/namespaces/a%1Fb/tables?x=%2F..%2F&y";
    const { answer, reached } = await reaching(() =>
      fetch(`${proxy.url}${target}`, { method: "POST", headers: { authorization: bearer() }, body: "a body" }),
    );
    expect(answer.status).toBe(200);
    expect(reached).toMatchObject([{ method: "POST", url: target, body: "a body" }]);
  });

  test("a revoked session is refused within a second", async () => {
    const headers = { authorization: bearer({ sid: "stolen" }) };
    expect((await fetch(`${proxy.url}/`, { headers })).status).toBe(200);
    ready.server.stream.revoke({ case: "session", value: "stolen" });
    await expect.poll(async () => (await fetch(`${proxy.url}/`, { headers })).status, { timeout: 1000 }).toBe(401);
  });

  test("an edge that knows nothing yet, and one that is away, are 503 with nothing forwarded", async () => {
    await using blind = await front(blindEdge, upstream.port);
    const gone = await startEdge(ready);
    await gone.close(0);
    await using dead = await front(gone, upstream.port);
    for (const { url } of [blind, dead]) {
      const { answer, reached } = await reaching(() =>
        fetch(`${url}/v1/config`, { headers: { authorization: bearer() } }),
      );
      expect(answer.status).toBe(kind.name === "caddy" && url === dead.url ? 502 : 503);
      expect(reached).toEqual([]);
    }
  });
}

for (const kind of FRONT_PROXIES) {
  describe.skipIf(kind.program.missing)(`behind ${kind.name}${kind.program.reason}`, () => suite(kind));
}
