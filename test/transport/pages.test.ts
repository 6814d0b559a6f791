import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import { PagedBody, Pages } from "../../src/transport/pages.js";

const MIB = 1024 * 1024;

test("pages are used again, and never hold more than was in use at one time", () => {
  const pages = new Pages();
  for (let round = 0; round < 50; round++) {
    const bodies = [new PagedBody(pages), new PagedBody(pages)];
    for (const body of bodies) body.add(Buffer.alloc(200_000, round));
    for (const body of bodies) body.drop();
  }
  expect(pages.bytes).toBe(MIB);
});

test("a body never shows what its pages held before", () => {
  const pages = new Pages();
  const before = new PagedBody(pages);
  before.add(Buffer.alloc(20_000, "s"));
  before.drop();
  const body = new PagedBody(pages);
  body.add(Buffer.from("abc"));
  body.add(Buffer.from("def"));
  expect(body.whole().toString()).toBe("abcdef");
});

test("a body that was handed out does not change when its pages are another's", () => {
  const pages = new Pages();
  const body = new PagedBody(pages);
  body.add(Buffer.alloc(10_000, "a"));
  const whole = body.whole();
  body.drop();
  new PagedBody(pages).add(Buffer.alloc(50_000, "b"));
  expect(whole.equals(Buffer.alloc(10_000, "a"))).toBe(true);
});

test("blocks are given up when none of them is in use, and not before", () => {
  const pages = new Pages();
  const [one, other] = [new PagedBody(pages), new PagedBody(pages)];
  one.add(Buffer.alloc(100));
  other.add(Buffer.alloc(100));
  one.drop();
  pages.letGo();
  expect(pages.bytes).toBe(MIB);
  other.drop();
  pages.letGo();
  expect(pages.bytes).toBe(0);
});
