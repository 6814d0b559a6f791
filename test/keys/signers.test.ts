import { compactVerify, importJWK } from "jose";
import { createPublicKey } from "node:crypto";
import { expect, test } from "vitest";
import { createSigner, generateSigningKey, readPrivateJwk } from "../../src/keys/key-pair.js";
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from "../../src/keys/signer.js";
import { createThreadSigner } from "../../src/keys/thread-signer.js";

async function signerFor(algorithm: SigningAlgorithm) {
  const pair = await generateSigningKey(algorithm);
  const signer = createSigner({ publicJwk: pair.publicJwk, privateKey: readPrivateJwk(pair.privateJwk) });
  return { pair, signer };
}

const header = (alg: string) => Buffer.from(JSON.stringify({ alg })).toString("base64url");

test.each(SIGNING_ALGORITHMS)("%s signatures verify with jose", async (algorithm) => {
  const { pair, signer } = await signerFor(algorithm);
  const input = `${header(algorithm)}.${Buffer.from("payload").toString("base64url")}`;
  const jws = `${input}.${await signer.sign(input)}`;
  const { payload } = await compactVerify(jws, await importJWK({ ...pair.publicJwk }));
  expect(Buffer.from(payload).toString()).toBe("payload");
  expect(signer.kid).toBe(pair.publicJwk.kid);
});

test.each(["ES256", "ES384", "EdDSA"] as const)("%s answers at once, without a promise", async (algorithm) => {
  const { signer } = await signerFor(algorithm);
  expect(signer.sign("input")).toEqual(expect.any(String));
});

test("an ES256 signature is r and s side by side, 64 bytes (RFC 7518 section 3.4)", async () => {
  const { signer } = await signerFor("ES256");
  expect(Buffer.from(await signer.sign("input"), "base64url")).toHaveLength(64);
});

test("RSA leaves the main thread free while it signs", async () => {
  const { signer } = await signerFor("RS256");
  const signed = Promise.all(Array.from({ length: 200 }, async () => signer.sign("input"))).then(() => "signed");
  const turned = new Promise((resolve) => setImmediate(() => resolve("the event loop turned")));
  expect(await Promise.race([signed, turned])).toBe("the event loop turned");
  expect(await signed).toBe("signed");
});

test("an RSA signer refuses to let its queue grow without end", async () => {
  const { privateJwk, publicJwk } = await generateSigningKey("RS256");
  const key = { kid: publicJwk.kid, algorithm: "RS256", privateKey: readPrivateJwk(privateJwk) } as const;
  const signer = createThreadSigner({ ...key, maxPending: 2 });
  const outcomes = await Promise.allSettled([signer.sign("a"), signer.sign("b"), signer.sign("c")]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(outcomes[2]).toMatchObject({ reason: { code: "temporarily_unavailable", reason: "OVERLOADED" } });
  await expect(signer.sign("d")).resolves.toEqual(expect.any(String));
});

test("the public half has no private member", async () => {
  for (const algorithm of SIGNING_ALGORITHMS) {
    const { publicJwk, privateJwk } = await generateSigningKey(algorithm);
    const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "k"].filter((member) => member in publicJwk);
    expect(privateMembers).toEqual([]);
    expect(privateJwk).toHaveProperty("d");
    expect(createPublicKey({ key: { ...publicJwk }, format: "jwk" }).type).toBe("public");
  }
});
