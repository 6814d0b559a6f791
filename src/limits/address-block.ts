import { SocketAddress, isIP } from "node:net";

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/**
 * An IP address in its one canonical spelling: IPv6 compressed and in lower case without a zone, IPv4-mapped IPv6 as
 * IPv4. Undefined if it is no address.
 */
function canonicalAddress(text: string): string | undefined {
  const address = text.split("%", 1)[0] ?? "";
  const family = isIP(address);
  if (family === 0) return undefined;
  if (family === 4) return address;
  const canonical = new SocketAddress({ address, family: "ipv6" }).address;
  return MAPPED_IPV4.exec(canonical)?.[1] ?? canonical;
}

/**
 * What counts as one place: an IPv4 address, or the /64 of an IPv6 address, since that is what one host commands. What
 * is no address is one place of its own.
 */
export function addressBlock(text: string): string {
  const address = canonicalAddress(text);
  if (address === undefined) return "unknown";
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::", 2);
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0");
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}::/64`;
}

function groups(part: string): string[] {
  if (part === "") return [];
  // A dotted IPv4 tail stands for two groups; it lies outside the first four, so its value does not matter.
  return part.split(":").flatMap((group) => (group.includes(".") ? ["0", "0"] : [group]));
}
