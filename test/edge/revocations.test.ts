import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { answering } from "../client/scripted-endpoint.js";
import { eventually } from "../support/eventually.js";
import { FakeServer, fakeKey } from "../verifier/fake-server.js";
import { counting, startRig, type EdgeRig } from "./edge-rig.js";

const OWN = { grant_type: "client_credentials" };

/** An edge of an icemint that gives out sessions `session-0`, `session-1` and so on. */
async function startWatching(outbound?: object) {
  const server = new FakeServer();
  const rig: EdgeRig = await startRig({
    transport: server.transport,
    ...(outbound && { outbound }),
    prepare: (upstream) => void (upstream.answer = answering(503, {})),
  });
  const key = fakeKey(rig.time.clock);
  rig.upstream.answer = (...exchange) => answering(200, answerOf(key.token()))(...exchange);
  await eventually("the edge watches", () => server.streams.length === 1);
  server.stream.caughtUp();
  await eventually("the edge has a token", async () => {
    await rig.time.pass(1000);
    return (await rig.readyz()).status === 200;
  });
  return { server, rig };
}

function answerOf(token: string): object {
  return { access_token: token, token_type: "bearer", expires_in: 3600, scope: "catalog" };
}

function sessionOf(token: unknown): unknown {
  const [, payload = ""] = String(token).split(".");
  return (JSON.parse(Buffer.from(payload, "base64url").toString()) as { sid: unknown }).sid;
}

describe("a revoked token", () => {
  test("is never given out again: the next answer has another session", async () => {
    const { server, rig } = await startWatching();
    await using _ = rig;
    const first = sessionOf((await rig.ask(OWN)).json["access_token"]);
    server.stream.revoke({ case: "session", value: String(first) });
    await eventually("another comes", async () => sessionOf((await rig.ask(OWN)).json["access_token"]) !== first);
  });

  test("is not given out though the server is away", async () => {
    const { server, rig } = await startWatching();
    await using _ = rig;
    const first = sessionOf((await rig.ask(OWN)).json["access_token"]);
    rig.upstream.answer = answering(503, {});
    server.stream.revoke({ case: "session", value: String(first) });
    await eventually("it is dropped", async () => (await rig.readyz()).status === 503);
    expect((await rig.passUntil(rig.ask(OWN))).status).toBe(503);
  });

  test("of a user's exchange is forgotten", async () => {
    const { server, rig } = await startWatching();
    await using _ = rig;
    const form = { grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token: "e30.e30.x" };
    const first = sessionOf((await rig.ask(form)).json["access_token"]);
    expect(sessionOf((await rig.ask(form)).json["access_token"])).toBe(first);
    server.stream.revoke({ case: "subject", value: "alice" }, rig.time.clock());
    await eventually("another comes", async () => {
      await rig.time.pass(1000);
      return sessionOf((await rig.ask(form)).json["access_token"]) !== first;
    });
  });
});

describe("a server without a stream of revocations", () => {
  test.each([Code.Unimplemented, Code.PermissionDenied])(
    "is asked for it again only after minutes (code %d); its tokens live until they expire",
    async (code) => {
      let asked = 0;
      const transport = createRouterTransport(({ service }) => {
        service(TokenService, {
          watchRevocations: () => {
            asked += 1;
            throw new ConnectError("no", code);
          },
        });
      });
      const rig = await startRig({ transport, prepare: (upstream) => void (upstream.answer = counting()) });
      await using _ = rig;
      await eventually("it was asked, and the edge waits", () => asked === 1 && rig.time.waits.includes(450_000));
      await rig.time.pass(299_000);
      expect(asked).toBe(1);
      await rig.time.pass(150_000);
      // The attempt reads a file: in time that passes faster, it could be given up before it is sent.
      await eventually("it was asked again", async () => {
        await rig.time.pass(1000);
        return asked === 2;
      });
      expect((await rig.ask(OWN)).status).toBe(200);
    },
  );
});
