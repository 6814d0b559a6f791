import { BlockList, isIP } from "node:net";
import { canonicalAddress } from "./address-block.js";

/** More hops than this are not read: nobody chains that many proxies. */
const MAX_HOPS = 32;

/** The blocks whose `X-Forwarded-For` is believed. Throws on what is neither an address nor a CIDR block. */
export function trustedProxies(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = "", prefix] = block.split("/", 2);
    const family = isIP(address);
    if (family === 0) throw new RangeError(`'${block}' is no address and no CIDR block, such as 10.0.0.0/8.`);
    const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
    list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/**
 * Who calls: the rightmost hop that is no trusted proxy. Each proxy appends the peer that it saw, so only what trusted
 * proxies wrote is read; a hop that is no address ends the walk at the proxy that passed it on, since what stands
 * before it may be the caller's invention. An untrusted peer is the caller, whatever it says.
 */
export function callerAddress(peer: string, xForwardedFor: string | undefined, trusted: BlockList): string {
  let caller = canonicalAddress(peer) ?? peer;
  if (xForwardedFor === undefined || !isTrusted(caller, trusted)) return caller;
  const hops = xForwardedFor.split(",").slice(-MAX_HOPS).toReversed();
  for (const hop of hops) {
    const address = canonicalAddress(withoutPort(hop.trim()));
    if (address === undefined) return caller;
    caller = address;
    if (!isTrusted(caller, trusted)) return caller;
  }
  return caller;
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
}
