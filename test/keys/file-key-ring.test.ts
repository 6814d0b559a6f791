import { compactVerify, createLocalJWKSet } from "jose";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, mkdtemp, rename, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/time/clock.js";
import { createFileKeyRing } from "../../src/keys/file-key-ring.js";
import { readKeyFile } from "../../src/keys/key-file.js";
import type { KeyRing } from "../../src/keys/key-ring.js";
import { layerKeyRings } from "../../src/keys/layered-key-ring.js";
import { eventually } from "../support/eventually.js";
import { sharedStore } from "./replicas.js";
import { quietLog } from "../support/quiet-log.js";

const policy = { rotateEveryMs: 30 * DAY, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: DAY };

const ec = (namedCurve = "P-256") => generateKeyPairSync("ec", { namedCurve }).privateKey;
const pem = (key: KeyObject, type: "pkcs8" | "sec1" | "pkcs1" = "pkcs8") => key.export({ type, format: "pem" });
const publicJwkOf = (key: KeyObject) => JSON.stringify(createPublicKey(key).export({ format: "jwk" }));
const kidOf = (key: KeyObject) => readKeyFile(pem(key).toString(), "RS256").publicJwk.kid;

/** A ring from files that can be rewritten, and a clock. */
async function ringOf(...contents: readonly (string | Buffer)[]) {
  const folder = await mkdtemp(join(tmpdir(), "icemint-keys-"));
  const paths = contents.map((_, index) => join(folder, `key-${index}`));
  const write = (index: number, content: string | Buffer) => writeFile(paths[index] ?? "", content);
  for (const [index, content] of contents.entries()) await write(index, content);
  return { ...(await ringFrom(paths)), write };
}

async function ringFrom(paths: readonly string[]) {
  const time = { now: 1_000_000 };
  const warnings: string[] = [];
  const ring = await createFileKeyRing({
    paths,
    algorithm: "ES256",
    policy,
    clock: () => time.now,
    log: { ...quietLog, warn: (_, fields) => warnings.push(String(fields?.["err"])) },
  });
  return { ring, time, warnings };
}

const published = (ring: KeyRing) => ring.published().keys.map(({ kid }) => kid);

async function verifies(ring: KeyRing): Promise<void> {
  const signer = ring.signer();
  const input = `${Buffer.from(JSON.stringify({ kid: signer.kid, alg: signer.algorithm })).toString("base64url")}.e30`;
  const keys = ring.published().keys.map((key) => ({ ...key }));
  await compactVerify(`${input}.${await signer.sign(input)}`, createLocalJWKSet({ keys }));
}

test.each([
  ["PKCS #8 PEM, P-256", () => pem(ec()), "ES256"],
  ["SEC 1 PEM, P-384", () => pem(ec("P-384"), "sec1"), "ES384"],
  ["PEM, Ed25519", () => pem(generateKeyPairSync("ed25519").privateKey), "EdDSA"],
  ["PKCS #1 PEM, RSA", () => pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, "pkcs1"), "RS256"],
  ["JWK, P-256", () => JSON.stringify(ec().export({ format: "jwk" })), "ES256"],
  [
    "JWK that says PS256",
    () =>
      JSON.stringify({
        ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }),
        alg: "PS256",
      }),
    "PS256",
  ],
])("a file may hold a %s", async (_, content, algorithm) => {
  const { ring } = await ringOf(content());
  expect(ring.signer().algorithm).toBe(algorithm);
  await verifies(ring);
});

test("the first file signs and all verify, public ones too", async () => {
  const [first, second, third] = [ec(), ec(), ec()];
  const { ring } = await ringOf(
    pem(first),
    pem(second),
    createPublicKey(third).export({ type: "spki", format: "pem" }),
  );
  expect(ring.signer().kid).toBe(kidOf(first));
  expect(new Set(published(ring))).toEqual(new Set([first, second, third].map(kidOf)));
  expect(ring.list().find(({ kid }) => kid === kidOf(second))).toMatchObject({
    state: "published",
    activatesAt: undefined,
  });
});

test("a changed file is taken up: the former key retires, its tokens live on, and later it is forgotten", async () => {
  const [former, next] = [ec(), ec()];
  const { ring, write, time } = await ringOf(pem(former));
  await write(0, pem(next));
  await ring.refresh();
  expect(ring.signer().kid).toBe(kidOf(next));
  expect(published(ring)).toContain(kidOf(former));
  time.now += HOUR + 2 * SECOND;
  expect(published(ring)).not.toContain(kidOf(former));
  expect(ring.stateOf(kidOf(former))).toBe("gone");
  expect(ring.find(kidOf(former))).toBeDefined();
});

test("files that change places change who signs, and lose nothing", async () => {
  const [one, other] = [ec(), ec()];
  const { ring, write, time } = await ringOf(pem(one), pem(other));
  await write(0, pem(other));
  await write(1, pem(one));
  time.now += MINUTE;
  await ring.refresh();
  expect(ring.signer().kid).toBe(kidOf(other));
  await verifies(ring);
  expect(new Set(published(ring))).toEqual(new Set([one, other].map(kidOf)));
});

test("a mounted Secret, which is swapped by a symbolic link, is a change too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "icemint-keys-"));
  const [former, next] = [ec(), ec()];
  for (const [name, key] of [["..1", former] as const, ["..2", next] as const]) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "signing.pem"), pem(key));
  }
  await symlink("..1", join(folder, "..data"));
  await symlink("..data/signing.pem", join(folder, "signing.pem"));
  const { ring } = await ringFrom([join(folder, "signing.pem")]);
  expect(ring.signer().kid).toBe(kidOf(former));
  await symlink("..2", join(folder, "..new"));
  await rename(join(folder, "..new"), join(folder, "..data"));
  await ring.refresh();
  expect(ring.signer().kid).toBe(kidOf(next));
});

test("a bad file is refused whole, once aloud, and the good keys stay", async () => {
  const good = ec();
  const { ring, write, warnings } = await ringOf(pem(good), pem(ec()));
  const before = published(ring);
  await write(0, "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n");
  await ring.refresh();
  await ring.refresh();
  expect(ring.signer().kid).toBe(kidOf(good));
  expect(published(ring)).toEqual(before);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/key-0 is PEM but holds no key/);
});

test.each([
  ["nothing", "", "is neither PEM nor a JWK"],
  ["JSON that is no JWK", '{"secret":"hunter2"}', "has no 'kty'"],
  ["half a JWK", '{"kty":"EC","d":"hunter2"', "is not JSON"],
  ["a JWK of wrong members", '{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"hunter2"}', "do not make a key"],
  ["another curve", pem(ec("secp256k1")).toString(), "other than P-256 and P-384"],
  ["short RSA", pem(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey).toString(), "fewer than 2048 bits"],
  ["an X25519 key", pem(generateKeyPairSync("x25519").privateKey).toString(), "of a type other than"],
  ["a passphrase", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "protected by a passphrase"],
  ["a public key alone", publicJwkOf(ec()), "must hold a private key"],
])("a first file with %s stops the start, with a reason that quotes none of it", async (_, content, reason) => {
  const failure = await ringOf(content).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(String(failure)).toContain(reason);
  expect(String(failure)).not.toContain("hunter2");
});

test("a file that is not there is named", async () => {
  const absent = { paths: ["/nowhere/key.pem"], algorithm: "ES256", policy, clock: () => 0 } as const;
  await expect(createFileKeyRing({ ...absent, log: quietLog })).rejects.toThrow(
    "keys.files: /nowhere/key.pem cannot be read (ENOENT)",
  );
});

test("the same key in two files is a mistake", async () => {
  const key = ec();
  await expect(ringOf(pem(key), pem(key))).rejects.toThrow("twice");
});

test("the server rotates no files, and says what to do instead", async () => {
  const { ring } = await ringOf(pem(ec()));
  await expect(ring.rotate()).rejects.toThrow("put another private key first");
});

test("the key that signs cannot be revoked until another file is first; the others can", async () => {
  const [first, second] = [ec(), ec()];
  const { ring, write } = await ringOf(pem(first), pem(second));
  await expect(ring.revoke(kidOf(first))).rejects.toThrow("put another private key first");
  await ring.revoke(kidOf(second));
  expect(ring.stateOf(kidOf(second))).toBe("revoked");
  expect(published(ring)).toEqual([kidOf(first)]);
  await write(0, pem(ec()));
  await ring.refresh();
  await ring.revoke(kidOf(first));
  expect(ring.stateOf(kidOf(first))).toBe("revoked");
  await expect(ring.revoke("unknown")).rejects.toMatchObject({ reason: "KEY_UNKNOWN" });
});

test("over a shared ring files sign, the MAC key is the shared one, and what the ring signed stays good", async () => {
  const shared = sharedStore();
  const before = await shared.replica();
  const former = before.signer().kid;
  const base = await shared.replica({ algorithm: undefined });
  await base.refresh();
  const key = ec();
  const { ring: top } = await ringOf(pem(key));
  const ring = layerKeyRings(top, base);
  expect(ring.signer().kid).toBe(kidOf(key));
  expect(ring.macKey()).toEqual(before.macKey());
  expect(published(ring)).toEqual([kidOf(key), former]);
  expect(ring.stateOf(former)).toBe("retired");
  expect(ring.find(former)).toBeDefined();
  expect(ring.list().map(({ kid }) => kid)).toEqual([former, kidOf(key)]);
  await ring.revoke(former);
  expect(published(ring)).toEqual([kidOf(key)]);
});

test("a ring that was started takes up a changed file by itself", async () => {
  const { ring, write } = await ringOf(pem(ec()));
  const next = ec();
  ring.start();
  try {
    await write(0, pem(next));
    await eventually("the next key signs", async () => ring.signer().kid === kidOf(next));
  } finally {
    await ring.close();
  }
});
