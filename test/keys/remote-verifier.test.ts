import { createRemoteJWKSet, jwtVerify } from "jose";
import { once } from "node:events";
import { createServer } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { DAY, HOUR, MINUTE } from "../../src/time/clock.js";
import { jwksDocument } from "../../src/keys/jwks.js";
import type { KeyRing } from "../../src/keys/key-ring.js";
import { createMemoryKeyRing } from "../../src/keys/memory-key-ring.js";

const policy = { rotateEveryMs: 2 * HOUR, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: DAY };

afterEach(() => void vi.useRealTimers());

async function serveJwks(ring: KeyRing) {
  let fetches = 0;
  const server = createServer((_, response) => {
    fetches += 1;
    response.setHeader("content-type", "application/jwk-set+json").end(jwksDocument(ring).body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return { server, url: new URL(`http://127.0.0.1:${address.port}/jwks`), fetches: () => fetches };
}

async function tokenOf(ring: KeyRing): Promise<string> {
  const signer = ring.signer();
  const header = { alg: signer.algorithm, kid: signer.kid, typ: "at+jwt" };
  const claims = { exp: Math.floor((Date.now() + HOUR) / 1000) };
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${input}.${await signer.sign(input)}`;
}

test("jose's remote key set, as it comes, accepts every token through rotations and never meets an unknown key", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const ring = createMemoryKeyRing({ algorithm: "ES256", policy, clock: () => Date.now() });
  const { server, url, fetches } = await serveJwks(ring);
  const verifier = createRemoteJWKSet(url);
  const start = Date.now();
  const kids = new Set<string>();
  const live: { readonly token: string; readonly madeAt: number }[] = [];
  for (let minute = 0; minute <= 6 * 60; minute += 3) {
    vi.setSystemTime(start + minute * MINUTE);
    const token = await tokenOf(ring);
    live.push({ token, madeAt: Date.now() });
    for (const { token: old } of live.filter(({ madeAt }) => Date.now() < madeAt + HOUR)) {
      const { protectedHeader } = await jwtVerify(old, verifier);
      kids.add(protectedHeader.kid ?? "");
    }
    await turn();
  }
  server.close();
  expect(kids.size).toBeGreaterThanOrEqual(3);
  // It fetches again every ten minutes by itself; an unknown key would add fetches, or fail within its cool-down.
  expect(fetches()).toBeLessThanOrEqual((6 * 60) / 10 + 1);
});
