import { describe, expect, test } from "vitest";
import { addressBlock } from "../../src/limits/address-block.js";

describe("what counts as one place", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0:0::0001", "2001:db8:0:0::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["192.0.2.256", "unknown"],
    ["what?", "unknown"],
    ["", "unknown"],
  ])("for %s is %s", (address, block) => {
    expect(addressBlock(address)).toBe(block);
  });
});
