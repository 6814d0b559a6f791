/**
 * What a verification by `icemint/verifier` costs beside a bare one by `node:crypto` and by `jose`: tokens that were
 * never seen, and one that comes again and again. In one process, in turn: `npm run bench -- verifier`.
 */
import { verify as verifySignature } from "node:crypto";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { createRouterTransport } from "@connectrpc/connect";
import { jwtVerify } from "jose";
import { pooledRandomId } from "../src/crypto/random-id.js";
import { TokenService } from "../src/gen/icemint/v1/token_service_pb.js";
import { createMemoryKeyRing } from "../src/keys/memory-key-ring.js";
import type { PublicJwk } from "../src/keys/signer.js";
import { DAY, HOUR, MINUTE, wholeSecond } from "../src/time/clock.js";
import { createTokenIssuer } from "../src/tokens/token-issuer.js";
import { createVerifier } from "../src/verifier/verifier.js";
import { spreadOf } from "./statistics.js";

const ISSUER = "https://tokens.example.com";
const AUDIENCE = "https://catalog.example.com";
const ROUNDS = 15;
const NEW_TOKENS = 1000;
const REPEATS = 50_000;

interface Figure {
  readonly what: string;
  readonly microseconds: string;
  readonly ratio: string;
  readonly limit: string;
}

type Verify = (token: string) => unknown;

export async function benchVerifier(): Promise<readonly Figure[]> {
  const { keys, mint } = createMint();
  const [jwk] = keys.published().keys;
  const key = jwk && keys.find(jwk.kid);
  if (key === undefined) throw new Error("there is no key");
  await using verifier = createVerifier(
    { server: ISSUER, audience: AUDIENCE, clientId: "bench", clientSecret: "bench" },
    { transport: serverOf(keys.published().keys) },
  );
  await verifier.ready();
  const icemint: Verify = (token) => verifier.verify(token);
  const jose: Verify = (token) => jwtVerify(token, key.publicKey, { issuer: ISSUER, audience: AUDIENCE });
  const bare: Verify = (token) => {
    const end = token.lastIndexOf(".");
    const signature = Buffer.from(token.slice(end + 1), "base64url");
    const publicKey = { key: key.publicKey, dsaEncoding: "ieee-p1363" } as const;
    if (!verifySignature("sha256", Buffer.from(token.slice(0, end)), publicKey, signature)) throw new Error("forged");
    const claims: unknown = JSON.parse(Buffer.from(token.slice(token.indexOf(".") + 1, end), "base64url").toString());
    return claims;
  };
  const costs = { icemint: [] as number[], bare: [] as number[], jose: [] as number[], again: [] as number[] };
  for (let round = -2; round < ROUNDS; round += 1) {
    const tokens = await Promise.all(Array.from({ length: NEW_TOKENS }, mint));
    // Each is the first as often as the others.
    const contenders = [["icemint", icemint] as const, ["bare", bare] as const, ["jose", jose] as const];
    for (const [name, verify] of [...contenders, ...contenders].slice((round + 3) % 3, ((round + 3) % 3) + 3)) {
      const cost = await costOf(tokens, verify);
      if (round >= 0) costs[name].push(cost);
    }
    const again = await costOf(
      Array.from({ length: REPEATS }, () => tokens[0] ?? ""),
      icemint,
    );
    if (round >= 0) costs.again.push(again);
  }
  return [
    figure("node:crypto and JSON.parse, bare", costs.bare, costs.bare, ""),
    figure("jose, bare", costs.jose, costs.bare, ""),
    figure("icemint/verifier, a new token", costs.icemint, costs.bare, "1.1 of a bare one"),
    figure("icemint/verifier, a token seen before", costs.again, costs.bare, "5 us"),
  ];
}

function createMint() {
  const policy = { rotateEveryMs: DAY, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: DAY };
  const keys = createMemoryKeyRing({ algorithm: "ES256", policy, clock: Date.now });
  const randomId = pooledRandomId();
  const issuer = createTokenIssuer({ issuer: ISSUER, keys, clock: Date.now, randomId, sessionTtlMs: DAY });
  const client = { id: "spark", accessTtlMs: HOUR, claims: {}, userClaims: {} };
  const mint = async (): Promise<string> => {
    const now = wholeSecond(Date.now());
    const { accessToken } = await issuer.mint({
      client,
      subject: "alice",
      actor: { sub: "spark" },
      scope: ["catalog", "PRINCIPAL_ROLE:ALL"],
      audience: [AUDIENCE],
      session: { id: randomId(), startedAt: now, endsAt: now + DAY, ancestors: [], keys: [] },
      copiedClaims: { email: "alice@example.com" },
      subjectIssuer: undefined,
      unsecuredSubject: false,
      ruleDigests: [],
    });
    // As it comes out of a header: one flat string, not the concatenation that the issuer made.
    return Buffer.from(accessToken).toString("latin1");
  };
  return { keys, mint };
}

/** A server with these keys and no revocations. */
function serverOf(keys: readonly PublicJwk[]) {
  return createRouterTransport(({ service }) => {
    service(TokenService, {
      getKeys: () => ({ keys: keys.map((key) => ({ ...key })), maxAge: durationFromMs(HOUR) }),
      async *watchRevocations(_request, { signal }) {
        yield { event: { case: "caughtUp", value: {} }, cursor: "e.1-0" };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
  });
}

/** CPU time of the process for one call, in microseconds: threads that work for it included. */
async function costOf(tokens: readonly string[], verify: Verify): Promise<number> {
  const before = process.cpuUsage();
  for (const token of tokens) await verify(token);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / tokens.length;
}

function figure(what: string, costs: readonly number[], floor: readonly number[], limit: string): Figure {
  const { median } = spreadOf(costs);
  const ratio = spreadOf(costs.map((cost, round) => cost / (floor[round] ?? Number.NaN)));
  const range = `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`;
  return { what, microseconds: median.toFixed(1), ratio: `${ratio.median.toFixed(2)} (${range})`, limit };
}
