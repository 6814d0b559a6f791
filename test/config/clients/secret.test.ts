import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { generateSecret, looksGenerated } from "../../../src/config/clients/secret.js";

test("a generated secret has at least 192 random bits, of characters that form encoding leaves alone", () => {
  const secret = generateSecret(randomBytes);
  expect(secret).toMatch(/^icm_[A-Za-z0-9_-]+$/);
  expect((secret.length - "icm_".length - 6) * Math.log2(62)).toBeGreaterThan(192);
  expect(encodeURIComponent(secret)).toBe(secret);
});

test("every generated secret looks generated, whatever the randomness", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 40, maxLength: 40, max: 247 }), (bytes) => {
      expect(looksGenerated(generateSecret(() => bytes))).toBe(true);
    }),
  );
});

test("a secret with one character changed does not look generated", () => {
  const secret = generateSecret(randomBytes);
  fc.assert(
    fc.property(
      fc.integer({ min: 4, max: secret.length - 1 }),
      fc.constantFrom("0", "a", "Z", "9", "_"),
      (at, letter) => {
        const changed = secret.slice(0, at) + letter + secret.slice(at + 1);
        expect(looksGenerated(changed)).toBe(changed === secret);
      },
    ),
  );
});

test("all letters are equally likely: bytes that would favour some are thrown away", () => {
  const bytes = [...Array.from({ length: 8 }, (_, n) => 248 + n), ...Array.from({ length: 32 }, () => 61)];
  expect(generateSecret(() => Uint8Array.from(bytes))).toMatch(/^icm_z{40}\w{6}$/);
});

test.each(["", "icm_", "icm_short000000", "xyz_".padEnd(50, "a"), `icm_${"a".repeat(46)}`, `icm_${"0".repeat(46)}\n`])(
  "%j does not look generated",
  (secret) => {
    expect(looksGenerated(secret)).toBe(false);
  },
);
