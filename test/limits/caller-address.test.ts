import { describe, expect, test } from "vitest";
import { addressBlock, canonicalAddress } from "../../src/limits/address-block.js";
import { callerAddress, trustedProxies } from "../../src/limits/caller-address.js";

const trusted = trustedProxies(["10.0.0.0/8", "2001:db8:ff::/48", "192.0.2.53"]);

describe("the caller's address", () => {
  test("is the peer's where no proxy is trusted, whatever X-Forwarded-For says", () => {
    expect(callerAddress("10.1.1.1", "203.0.113.9", trustedProxies([]))).toBe("10.1.1.1");
    expect(callerAddress("198.51.100.1", "203.0.113.9", trusted)).toBe("198.51.100.1");
  });

  test("is the last hop that is no trusted proxy", () => {
    expect(callerAddress("10.1.1.1", "203.0.113.9", trusted)).toBe("203.0.113.9");
    expect(callerAddress("10.1.1.1", "6.6.6.6, 203.0.113.9, 10.2.2.2, 192.0.2.53", trusted)).toBe("203.0.113.9");
    expect(callerAddress("2001:db8:ff::1", "2001:db8:1::7", trusted)).toBe("2001:db8:1::7");
  });

  test("is that of a trusted proxy itself when it forwards for nobody", () => {
    expect(callerAddress("10.1.1.1", undefined, trusted)).toBe("10.1.1.1");
    expect(callerAddress("10.1.1.1", "", trusted)).toBe("10.1.1.1");
    expect(callerAddress("10.1.1.1", "10.3.3.3", trusted)).toBe("10.3.3.3");
  });

  test("is never taken from before a hop that is no address, since the caller may have written it", () => {
    expect(callerAddress("10.1.1.1", "203.0.113.9, unknown", trusted)).toBe("10.1.1.1");
    expect(callerAddress("10.1.1.1", "203.0.113.9, ../../etc, 10.2.2.2", trusted)).toBe("10.2.2.2");
    expect(callerAddress("10.1.1.1", "garbage", trusted)).toBe("10.1.1.1");
  });

  test("is read with a port and with brackets, as some proxies write it", () => {
    expect(callerAddress("10.1.1.1", "203.0.113.9:4711", trusted)).toBe("203.0.113.9");
    expect(callerAddress("10.1.1.1", "[2001:db8::1]:4711", trusted)).toBe("2001:db8::1");
    expect(callerAddress("10.1.1.1", "[2001:db8::1]", trusted)).toBe("2001:db8::1");
  });

  test("knows a trusted IPv4 proxy on a dual-stack socket", () => {
    expect(callerAddress("::ffff:10.1.1.1", "203.0.113.9", trusted)).toBe("203.0.113.9");
    expect(callerAddress("::ffff:0a01:0101", "203.0.113.9", trusted)).toBe("203.0.113.9");
  });

  test("costs no more for an endless header", () => {
    const hops = Array.from({ length: 10_000 }, () => "10.9.9.9").join(", ");
    expect(callerAddress("10.1.1.1", `203.0.113.9, ${hops}`, trusted)).toBe("10.9.9.9");
  });

  test("refuses to trust what is no CIDR block", () => {
    for (const block of ["", "example.com", "10.0.0.0/33", "10.0.0.0/x", "::/129"]) {
      expect(() => trustedProxies([block]), block).toThrow();
    }
  });
});

describe("an address", () => {
  test("has one spelling", () => {
    expect(canonicalAddress("2001:DB8:0:0::0001")).toBe("2001:db8::1");
    expect(canonicalAddress("fe80::1%eth0")).toBe("fe80::1");
    expect(canonicalAddress("::FFFF:192.0.2.1")).toBe("192.0.2.1");
    expect(canonicalAddress("192.0.2.1")).toBe("192.0.2.1");
    expect(canonicalAddress("192.0.2.256")).toBeUndefined();
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["what?", "unknown"],
    ["", "unknown"],
  ])("%s lies in the block %s", (address, block) => {
    expect(addressBlock(address)).toBe(block);
  });
});
