import { BlockList, isIP } from "node:net";

/** Says where a request came from: the peer, or what a chain of trusted proxies says (`X-Forwarded-For`). */
export type AddressResolver = (peer: string | undefined, forwardedFor: string | undefined) => string;

/**
 * Makes a resolver that believes the given CIDR blocks and nobody else. The header is read from the right, as each
 * proxy appends whom it saw; the first address that is no trusted proxy is the caller. Text that is no address ends the
 * reading: nothing left of it can be trusted.
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

/** CIDR blocks and addresses as one list. */
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

/** An address without port, brackets and the IPv4-mapped prefix; undefined if it is none. */
function plainAddress(text: string): string | undefined {
  const address = withoutMapping(text);
  if (isIP(address) !== 0) return address;
  const found = WITH_PORT.exec(text);
  const inner = found?.[1] ?? found?.[2];
  return inner !== undefined && isIP(inner) !== 0 ? inner : undefined;
}

const MAPPED = "::ffff:";

/** IPv4 as itself, also where the socket is an IPv6 one (RFC 4291 section 2.5.5.2). */
function withoutMapping(address: string): string {
  return address.startsWith(MAPPED) && address.includes(".") ? address.slice(MAPPED.length) : address;
}
