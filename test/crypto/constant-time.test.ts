import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isSameDigest } from "../../src/crypto/constant-time.js";

const digest = (text: string) => createHash("sha256").update(text).digest("base64url");
const longer = (text: string) => createHash("sha256").update(text).digest("hex");

test("a digest is the same as itself, and as no other, whatever was compared before", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(isSameDigest(longer(one), longer(other))).toBe(one === other);
      expect(isSameDigest(digest(one), digest(other))).toBe(one === other);
      expect(isSameDigest(digest(one), digest(one))).toBe(true);
    }),
  );
});

test("what is shorter, longer or too long is not the same", () => {
  const whole = digest("a");
  for (const other of ["", whole.slice(1), `${whole}A`, `${whole}\0`]) expect(isSameDigest(whole, other)).toBe(false);
  // Cut to its low byte, this would be an A.
  expect(isSameDigest("A".repeat(43), "Ł".repeat(43))).toBe(false);
  expect(isSameDigest("a".repeat(129), "a".repeat(129))).toBe(false);
});
