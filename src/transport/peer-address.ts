import { BlockList, isIP } from "node:net";

/** The address of the caller: the peer's, or the one that trusted proxies report (`X-Forwarded-For`). */
export type AddressResolver = (peer: string | undefined, forwardedFor: string | undefined) => string;

/**
 * Trusts the given CIDR blocks and no other peer. The header is read from the right, because each proxy appends the
 * address that it saw. The first address that is no trusted proxy is the caller's. A string that is no address ends the
 * reading: nothing to its left can be trusted.
 */
export function createAddressResolver(trustedProxies: readonly string[]): AddressResolver {
  if (trustedProxies.length === 0) return (peer) => (peer === undefined ? "unknown" : withoutMapping(peer));
  const trusted = toBlockList(trustedProxies);
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return (peer, forwardedFor) => {
    let address = plainAddress(peer ?? "");
    if (address === undefined) return "unknown";
    if (forwardedFor === undefined) return address;
    const hops = forwardedFor.split(",");
    while (isTrusted(address)) {
      const hop = plainAddress((hops.pop() ?? "").trim());
      if (hop === undefined) break;
      address = hop;
    }
    return address;
  };
}

/** Accepts CIDR blocks and single addresses. */
export function toBlockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [network = "", prefix] = block.split("/");
    const family = isIP(network) === 6 ? "ipv6" : "ipv4";
    list.addSubnet(network, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family);
  }
  return list;
}

const WITH_PORT = /^(?:\[([0-9a-fA-F:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/;

/** Strips the port, brackets and the IPv4-mapped prefix. Undefined if the string is no address. */
function plainAddress(text: string): string | undefined {
  const address = withoutMapping(text);
  if (isIP(address) !== 0) return address;
  const found = WITH_PORT.exec(text);
  const inner = found?.[1] ?? found?.[2];
  return inner !== undefined && isIP(inner) !== 0 ? inner : undefined;
}

const MAPPED = "::ffff:";

/** An IPv6 socket shows IPv4 peers as IPv4-mapped addresses (RFC 4291 section 2.5.5.2). */
function withoutMapping(address: string): string {
  return address.startsWith(MAPPED) && address.includes(".") ? address.slice(MAPPED.length) : address;
}
