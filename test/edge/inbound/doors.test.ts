/** What listens, and how it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  const { port } = inbound.addresses.get("forward_auth") as AddressInfo;
  const url = `http://127.0.0.1:${port}/verify`;
  await fetch(url, { headers: { authorization: bearer } });
  await fetch(url);
  await fetch(`${url}/x`);
  expect(verdicts).toEqual(["forward_auth true", "forward_auth false"]);
});

test("each half may be absent, and may listen on a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "icemint-edge-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "auth.sock");
  const { inbound, bearer } = await started({ extAuthz: undefined, forwardAuth: { path } });
  expect([...inbound.addresses]).toEqual([["forward_auth", path]]);
  const asked = request({ socketPath: path, path: "/verify", headers: { authorization: bearer } }).end();
  const [answer] = await once(asked, "response");
  expect(answer.statusCode).toBe(200);
  answer.resume();
});

test("an address that is in use is an error, and nothing is left listening", async () => {
  const { inbound } = await started({ extAuthz: undefined });
  const taken = inbound.addresses.get("forward_auth") as AddressInfo;
  await expect(started({ forwardAuth: { host: "127.0.0.1", port: taken.port } })).rejects.toMatchObject({
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
  const ports = [...inbound.addresses.values()].map((address) => (address as AddressInfo).port);
  const session = connectHttp2(`http://127.0.0.1:${ports[0]}`);
  onTestFinished(() => session.destroy());
  await once(session, "connect");
  const going = once(session, "goaway");
  const answer = fetch(`http://127.0.0.1:${ports[1]}/verify`, { headers: { authorization: "Bearer x" } });
  await eventually("the question has come", () => asked === 1);
  const closed = inbound.close(60_000);
  await going;
  held.reject(new Error("no verdict"));
  expect((await answer).status).toBe(500);
  await closed;
});

test("closing ends what is not answered in time", async () => {
  const { inbound } = await started({}, { verify: () => new Promise(() => {}), isReady: () => true });
  const { port } = inbound.addresses.get("forward_auth") as AddressInfo;
  const answer = fetch(`http://127.0.0.1:${port}/verify`, { headers: { authorization: "Bearer x" } }).catch(
    () => "gone",
  );
  await eventually("the question has come", () => inbound.addresses.size === 2);
  await inbound.close(50);
  expect(await answer).toBe("gone");
});
