import { describe, expect, test } from "vitest";
import { AddressLimit } from "../../src/transport/address-limit.js";

// SECURITY.md: "Everything is bounded".
describe("connections of one address", () => {
  test("are so many and no more; a place that is given back is another's", () => {
    const limit = new AddressLimit(2, []);
    const leave = limit.enter("192.0.2.1");
    expect(limit.enter("192.0.2.1")).toBeDefined();
    expect(limit.enter("192.0.2.1")).toBeUndefined();
    expect(limit.enter("192.0.2.2")).toBeDefined();
    leave?.();
    expect(limit.enter("192.0.2.1")).toBeDefined();
    expect(limit.enter("192.0.2.1")).toBeUndefined();
  });

  test.each([
    ["an IPv4 address and the same one mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.1"],
    ["two of one /64", "2001:db8::1", "2001:db8::2"],
  ])("are counted together for %s", (_, one, other) => {
    const limit = new AddressLimit(1, []);
    expect(limit.enter(one)).toBeDefined();
    expect(limit.enter(other)).toBeUndefined();
  });

  test.each([
    ["loopback", "127.0.0.1"],
    ["loopback in IPv6", "::1"],
    ["loopback mapped into IPv6", "::ffff:127.0.0.1"],
    ["a trusted proxy", "10.1.2.3"],
    ["a trusted proxy mapped into IPv6", "::ffff:10.1.2.3"],
  ])("are not bounded for %s", (_, address) => {
    const limit = new AddressLimit(1, ["10.0.0.0/8"]);
    expect([limit.enter(address), limit.enter(address), limit.enter(address)]).not.toContain(undefined);
  });

  test("are none where the address is gone before it could be asked", () => {
    expect(new AddressLimit(1, []).enter(undefined)).toBeUndefined();
  });
});
