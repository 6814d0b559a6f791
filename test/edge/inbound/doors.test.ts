/** What listens, and how it ends. */
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { type DoorDependencies, type DoorSettings, openDoors } from "../../../src/edge/inbound/doors.js";
import { eventually } from "../../support/eventually.js";
import { loadedVerifier } from "./loaded-verifier.js";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const SETTINGS: DoorSettings = {
  extAuthz: LOOPBACK,
  forwardAuth: LOOPBACK,
  pathHeader: undefined,
  rules: [],
  strip: false,
};

async function started(settings: Partial<DoorSettings> = {}, verifier?: DoorDependencies["verifier"]) {
  const loaded = await loadedVerifier();
  onTestFinished(() => loaded.verifier.close());
  const verdicts: string[] = [];
  const inbound = await openDoors(
    { ...SETTINGS, ...settings },
    {
      verifier: verifier ?? loaded.verifier,
      onVerdict: (asker, { allowed }) => verdicts.push(`${asker} ${allowed}`),
      onFault: () => {},
    },
  );
  onTestFinished(() => inbound.close(0));
  return { inbound, verdicts, bearer: `Bearer ${loaded.key.token()}` };
}

test("verdicts are told with who asked", async () => {
  const { inbound, verdicts, bearer } = await started();
  const url = `http://${inbound.addresses.forward_auth}/verify`;
  await fetch(url, { headers: { authorization: bearer } });
  await fetch(url);
  await fetch(`${url}/x`);
  expect(verdicts).toEqual(["forward_auth true", "forward_auth false"]);
});

test("each half may be absent", async () => {
  const { inbound } = await started({ extAuthz: undefined });
  expect(Object.keys(inbound.addresses)).toEqual(["forward_auth"]);
});

test("an address that is in use is an error, and nothing is left listening", async () => {
  const { inbound } = await started({ extAuthz: undefined });
  const [host = "", port] = inbound.addresses.forward_auth?.split(":") ?? [];
  await expect(started({ forwardAuth: { host, port: Number(port) } })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

test("closing lets a question that is under way be answered, and tells Envoy to go", async () => {
  const held = Promise.withResolvers<never>();
  let asked = 0;
  const verify = (): Promise<never> => {
    asked += 1;
    return held.promise;
  };
  const { inbound } = await started({}, { verify, isReady: () => true });
  const session = connectHttp2(`http://${inbound.addresses.ext_authz}`);
  onTestFinished(() => session.destroy());
  await once(session, "connect");
  const going = once(session, "goaway");
  const answer = fetch(`http://${inbound.addresses.forward_auth}/verify`, { headers: { authorization: "Bearer x" } });
  await eventually("the question has come", () => asked === 1);
  const closed = inbound.close(60_000);
  await going;
  held.reject(new Error("no verdict"));
  expect((await answer).status).toBe(500);
  await closed;
});

test("closing ends what is not answered in time", async () => {
  let asked = 0;
  const verify = (): Promise<never> => {
    asked += 1;
    return new Promise(() => {});
  };
  const { inbound } = await started({}, { verify, isReady: () => true });
  const headers = { authorization: "Bearer x" };
  const answer = fetch(`http://${inbound.addresses.forward_auth}/verify`, { headers }).catch(() => "gone");
  await eventually("the question has come", () => asked === 1);
  await inbound.close(50);
  await inbound.close(0);
  expect(await answer).toBe("gone");
});
