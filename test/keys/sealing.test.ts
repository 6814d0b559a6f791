import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createSealing, SealError, sealingKeyId } from "../../src/keys/sealing.js";

const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const sealing = (keys: readonly Buffer[], purpose = "key ring", context = "icemint") =>
  createSealing({ keys, purpose, context });

test("what is sealed opens again, whatever it is", () => {
  const box = sealing([first]);
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => box.open(box.seal(text)) === text));
});

test("nothing of the text shows, and the same text never seals alike", () => {
  const box = sealing([first]);
  expect(box.seal("secret".repeat(20))).not.toContain(Buffer.from("secret").toString("base64url"));
  expect(box.seal("secret")).not.toBe(box.seal("secret"));
});

test("the first key seals and all open, so that a key can be changed under load", () => {
  const sealed = sealing([first]).seal("ring");
  const both = sealing([second, first]);
  expect(both.open(sealed)).toBe("ring");
  expect(both.isFresh(sealed)).toBe(false);
  const resealed = both.seal("ring");
  expect(both.isFresh(resealed)).toBe(true);
  expect(sealing([second]).open(resealed)).toBe("ring");
});

test("an error names the key that is missing and those that are there, by digest", () => {
  const sealed = sealing([first]).seal("ring");
  expect(() => sealing([second, third]).open(sealed)).toThrow(
    new RegExp(`${sealingKeyId(first)}.*${sealingKeyId(second)}, ${sealingKeyId(third)}`),
  );
});

test.each([
  ["purpose", () => sealing([first], "cache")],
  ["context", () => sealing([first], "key ring", "staging")],
])("what was sealed for another %s does not open", (_, other) => {
  expect(() => other().open(sealing([first]).seal("ring"))).toThrow(SealError);
});

// SECURITY.md: "Private keys are sealed".
test("changing any byte is noticed", () => {
  const sealed = sealing([first]).seal("ring");
  const [version, keyId, body = ""] = sealed.split(".");
  const bytes = Buffer.from(body, "base64url");
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(() => sealing([first]).open(`${version}.${keyId}.${changed.toString("base64url")}`)).toThrow(SealError);
  }
});

test.each(["", "v2.abc.def", "v1.abc", "v1.abc.def.ghi", "not sealed at all"])("%j is refused clearly", (sealed) => {
  expect(() => sealing([first]).open(sealed)).toThrow(SealError);
});

test("what is cut short is refused clearly", () => {
  expect(() => sealing([first]).open(sealing([first]).seal("ring").slice(0, 30))).toThrow("cut short");
});

test.each([[[]], [[randomBytes(31)]], [[first, randomBytes(16)]]])("keys must be 32 bytes, one at least", (keys) => {
  expect(() => sealing(keys)).toThrow("32 bytes");
});
