import { compactVerify, createLocalJWKSet } from "jose";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/time/clock.js";
import type { KeyRing } from "../../src/keys/key-ring.js";
import { createVaultKeyRing } from "../../src/keys/vault-key-ring.js";
import { createVaultTransit } from "../../src/keys/vault-transit.js";
import { startFakeVault } from "./fake-vault.js";
import { fairNow } from "../support/fair-time.js";
import { quietLog } from "../support/quiet-log.js";

const policy = { rotateEveryMs: 30 * DAY, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: DAY };

async function setup(type: Parameters<typeof startFakeVault>[0], algorithm: "ES256" | "PS256" = "ES256") {
  const time = { now: Date.parse("2026-01-01T00:00:00Z") };
  const clock = () => time.now;
  const vault = await startFakeVault(type, clock);
  onTestFinished(vault.close);
  const tokenFile = join(await mkdtemp(join(tmpdir(), "icemint-vault-")), "token");
  await writeFile(tokenFile, "vault-token\n");
  const transit = createVaultTransit({ url: vault.url, mount: "transit", key: "tokens", tokenFile, fetch, clock });
  const warnings: string[] = [];
  const log = { ...quietLog, warn: (message: string) => warnings.push(message) };
  const open = () => createVaultKeyRing({ transit, algorithm, policy, clock, log });
  return { vault, time, tokenFile, warnings, open, transit };
}

async function verifies(ring: KeyRing): Promise<string> {
  const signer = ring.signer();
  const header = Buffer.from(JSON.stringify({ kid: signer.kid, alg: signer.algorithm })).toString("base64url");
  const keys = ring.published().keys.map((key) => ({ ...key }));
  await compactVerify(`${header}.e30.${await signer.sign(`${header}.e30`)}`, createLocalJWKSet({ keys }));
  return signer.kid;
}

test.each([
  ["ecdsa-p256", "ES256", "ES256"],
  ["ecdsa-p384", "ES256", "ES384"],
  ["ed25519", "ES256", "EdDSA"],
  ["rsa-2048", "ES256", "RS256"],
  ["rsa-2048", "PS256", "PS256"],
] as const)("a transit key of type %s, with %s in the settings, signs %s", async (type, preferred, algorithm) => {
  const { open } = await setup(type, preferred);
  const ring = await open();
  expect(ring.signer().algorithm).toBe(algorithm);
  await verifies(ring);
});

test("a new version in Vault is published when it is seen and signs publish_ahead after it was made", async () => {
  const { open, vault, time } = await setup("ecdsa-p256");
  const ring = await open();
  const first = await verifies(ring);
  time.now += DAY;
  vault.rotate();
  time.now += MINUTE;
  await ring.refresh();
  expect(ring.published().keys).toHaveLength(2);
  expect(ring.signer().kid).toBe(first);
  time.now += 14 * MINUTE;
  expect(await verifies(ring)).not.toBe(first);
  expect(ring.stateOf(first)).toBe("retired");
  time.now += HOUR + 2 * SECOND;
  expect(ring.published().keys.map(({ kid }) => kid)).not.toContain(first);
  time.now += DAY;
  await ring.refresh();
  expect(ring.find(first)).toBeUndefined();
});

test("replicas that look at different times change keys at the same instant", async () => {
  const { open, vault, time } = await setup("ecdsa-p256");
  const one = await open();
  vault.rotate();
  time.now += 5 * MINUTE;
  const other = await open();
  await one.refresh();
  for (const minutes of [9, 2, 100]) {
    time.now += minutes * MINUTE;
    expect(one.signer().kid).toBe(other.signer().kid);
  }
});

test.each([
  ["refuses the token", async (vault: { behaviour: { token: string } }) => void (vault.behaviour.token = "another")],
  ["has a fault", async (vault: { behaviour: { status: number } }) => void (vault.behaviour.status = 500)],
  ["is away", async (vault: { close(): void }) => vault.close()],
])("while Vault %s, signing fails as temporarily_unavailable and the keys stay as they were", async (_, spoil) => {
  const { open, vault, warnings } = await setup("ecdsa-p256");
  const ring = await open();
  await spoil(vault);
  const failure = await Promise.resolve(ring.signer().sign("input")).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "temporarily_unavailable", retryAfterSeconds: 1 });
  expect(JSON.stringify(failure)).not.toContain("vault-token");
  await ring.refresh();
  await ring.refresh();
  expect(ring.published().keys).toHaveLength(1);
  expect(warnings).toHaveLength(1);
});

test("a Vault that does not answer is given up after two seconds", async () => {
  const { open, vault } = await setup("ecdsa-p256");
  const ring = await open();
  vault.behaviour.hang = true;
  const startedAt = fairNow();
  await expect(ring.signer().sign("input")).rejects.toMatchObject({ code: "temporarily_unavailable" });
  expect(fairNow() - startedAt).toBeLessThan(3000);
});

test("signatures beyond what may wait are refused at once", async () => {
  const { open, vault } = await setup("ecdsa-p256");
  const ring = await open();
  vault.behaviour.hang = true;
  const waiting = Array.from({ length: 128 }, async () => ring.signer().sign("input"));
  const all = Promise.allSettled(waiting);
  await expect(ring.signer().sign("input")).rejects.toMatchObject({ reason: "OVERLOADED" });
  vault.close();
  await all;
});

test("a token that an agent renewed in its file is taken up", async () => {
  const { open, vault, time, tokenFile } = await setup("ecdsa-p256");
  const ring = await open();
  vault.behaviour.token = "renewed";
  await writeFile(tokenFile, "renewed");
  time.now += 6 * SECOND;
  await verifies(ring);
});

test("a key that cannot sign stops the start with a reason", async () => {
  const { open } = await setup("aes256-gcm96");
  await expect(open()).rejects.toThrow("type aes256-gcm96 cannot sign");
});

test("rotating is Vault's business, and the operator is told so", async () => {
  const { open } = await setup("ecdsa-p256");
  await expect((await open()).rotate()).rejects.toThrow("rotate the transit key there");
});
