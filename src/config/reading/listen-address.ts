/** Addresses to listen on, and which of them only this machine can reach. */
import { isIP } from "node:net";

/** A TCP address to listen on. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

/** Reads `127.0.0.1:8181`, `[::]:8181` or `localhost:8181`; undefined if it is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]{1,253})):(?<port>\d{1,5})$/.exec(text);
  const { six, host, port } = match?.groups ?? {};
  if (port === undefined || Number(port) > 65_535) return undefined;
  if (six !== undefined) return isIP(six) === 6 ? { host: six, port: Number(port) } : undefined;
  if (host === undefined || (/^[\d.]+$/.test(host) && isIP(host) !== 4)) return undefined;
  return { host, port: Number(port) };
}

/** Spells an address as a URL has it. */
export function spellListenAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine reaches the host: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(host: string): boolean {
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/** Whether a URL is fetched in clear over a network: http to a host that is not loopback. */
export function isCleartext(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && parsed.protocol === "http:" && !isLoopback(parsed.hostname);
}
