import { describe, expect, test } from "vitest";
import { createAddressResolver } from "../../src/transport/peer-address.js";

describe("where a request came from", () => {
  const trusting = createAddressResolver(["10.0.0.0/8", "fd00::/8", "192.0.2.1"]);

  test.each([
    [
      "without trusted proxies the header is nobody's word",
      createAddressResolver([]),
      "10.0.0.1",
      "1.2.3.4",
      "10.0.0.1",
    ],
    ["a peer that is no proxy is not believed", trusting, "203.0.113.9", "1.2.3.4", "203.0.113.9"],
    ["a trusted proxy is believed", trusting, "10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["a single address may be trusted", trusting, "192.0.2.1", "1.2.3.4", "1.2.3.4"],
    ["the last stranger counts, not what he claims", trusting, "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"],
    ["text that is no address ends the reading", trusting, "10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"],
    ["a chain of trusted proxies alone ends at its first", trusting, "10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"],
    ["an empty header says nothing", trusting, "10.0.0.1", "", "10.0.0.1"],
    ["no header says nothing", trusting, "10.0.0.1", undefined, "10.0.0.1"],
    ["ports are dropped", trusting, "10.0.0.1", "1.2.3.4:5678", "1.2.3.4"],
    ["IPv6 in brackets is read", trusting, "fd00::1", "[2001:db8::7]:443", "2001:db8::7"],
    ["IPv4 in IPv6 is IPv4", trusting, "::ffff:10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"],
    ["a Unix socket has no address", trusting, undefined, "1.2.3.4", "unknown"],
  ])("%s", (_rule, resolve, peer, forwarded, expected) => {
    expect(resolve(peer, forwarded)).toBe(expected);
  });
});
